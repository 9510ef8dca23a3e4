#include "algorithms/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "algorithms/aligned.h"
#include "algorithms/random.h"

namespace millrace::algorithms::kernels {
namespace {

struct Case {
  std::size_t rows, centres, dim;
};

std::size_t padded(std::size_t dim) { return (dim + kLane - 1) / kLane * kLane; }

// Rows and centres of whole numbers, so that the naive sums are exact.
struct Problem {
  explicit Problem(const Case& c, std::uint64_t seed)
      : stride(padded(c.dim)), centres(Aligned<float>::zeros(c.centres * stride)) {
    Random random(seed);
    codes.resize(c.rows * stride);
    floats.resize(c.rows * stride);
    norms.resize(c.centres);
    for (std::size_t i = 0; i < c.rows; ++i) {
      for (std::size_t d = 0; d < c.dim; ++d) {
        codes[i * stride + d] = static_cast<std::uint8_t>(random.below(256));
        floats[i * stride + d] = codes[i * stride + d];
      }
      code_rows.push_back(codes.data() + i * stride);
      float_rows.push_back(floats.data() + i * stride);
    }
    for (std::size_t j = 0; j < c.centres; ++j) {
      double norm = 0;
      for (std::size_t d = 0; d < c.dim; ++d) {
        const auto value = static_cast<float>(random.below(256));
        centres[j * stride + d] = value;
        norm += static_cast<double>(value) * value;
      }
      norms[j] = static_cast<float>(norm);
    }
    view = {centres.data(), norms.data(), c.centres, stride};
  }

  double distance(std::size_t row, std::size_t centre) const {
    double sum = 0;
    for (std::size_t d = 0; d < stride; ++d) {
      const double difference = static_cast<double>(floats[row * stride + d]) - centres[centre * stride + d];
      sum += difference * difference;
    }
    return sum;
  }

  std::size_t stride;
  Aligned<float> centres;
  std::vector<float> norms, floats;
  std::vector<std::uint8_t> codes;
  std::vector<const float*> float_rows;
  std::vector<const std::uint8_t*> code_rows;
  CentresView view;
};

class Kernels : public ::testing::TestWithParam<Case> {};

TEST_P(Kernels, AssignLikeTheNaiveLoop) {
  const Case& c = GetParam();
  const Problem problem(c, 7);
  for (const Table* table : all_supported()) {
    SCOPED_TRACE(std::string(table->name));
    std::vector<std::int32_t> label(c.rows), label_u8(c.rows);
    std::vector<float> best(c.rows), second(c.rows), best_u8(c.rows), second_u8(c.rows);
    table->assign_f32(problem.float_rows.data(), c.rows, problem.view, label.data(), best.data(), second.data());
    table->assign_u8(problem.code_rows.data(), c.rows, problem.view, label_u8.data(), best_u8.data(), second_u8.data());
    for (std::size_t i = 0; i < c.rows; ++i) {
      double least = std::numeric_limits<double>::infinity(), next = least;
      for (std::size_t j = 0; j < c.centres; ++j) {
        const double distance = problem.distance(i, j);
        next = std::min(next, std::max(distance, least));
        least = std::min(least, distance);
      }
      const double tolerance = 1e-5 * least + 1e-2;
      EXPECT_NEAR(problem.distance(i, static_cast<std::size_t>(label[i])), least, tolerance);
      EXPECT_NEAR(best[i], least, tolerance);
      const float own = table->squared_length_u8(problem.code_rows[i], problem.stride);
      EXPECT_NEAR(problem.distance(i, static_cast<std::size_t>(label_u8[i])), least, tolerance);
      EXPECT_NEAR(best_u8[i] + own, least, 1e-6 * own + tolerance);
      if (c.centres == 1) {
        EXPECT_TRUE(std::isinf(second[i]) && std::isinf(second_u8[i]));
      } else {
        EXPECT_NEAR(second[i], next, 1e-5 * next + 1e-2);
        EXPECT_NEAR(second_u8[i] + own, next, 1e-6 * own + 1e-5 * next + 1e-2);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Kernels,
                         ::testing::Values(Case{1, 1, 1}, Case{3, 2, 5}, Case{4, 3, 16}, Case{5, 6, 17},
                                           Case{9, 7, 784}, Case{17, 10, 784}, Case{8, 13, 64}, Case{6, 100, 100},
                                           Case{5, 401, 300}));

TEST(Kernels, AddAndSubtractExactly) {
  const Problem problem({5, 1, 50}, 3);
  for (const Table* table : all_supported()) {
    std::vector<double> sum(problem.stride), sum_u8(problem.stride);
    for (std::size_t i = 0; i < 5; ++i) {
      table->add_f32(sum.data(), problem.float_rows[i], problem.stride, 1);
      table->add_u8(sum_u8.data(), problem.code_rows[i], problem.stride, 1);
    }
    EXPECT_EQ(sum, sum_u8);
    double total = 0;
    for (const float value : problem.floats) total += value;
    EXPECT_EQ(std::accumulate(sum.begin(), sum.end(), 0.0), total);
    for (std::size_t i = 0; i < 5; ++i) table->add_u8(sum.data(), problem.code_rows[i], problem.stride, -1);
    EXPECT_EQ(sum, std::vector<double>(problem.stride));
  }
}

TEST(Kernels, EncodeOnlyWhatComesBackTheSame) {
  for (const Table* table : all_supported()) {
    SCOPED_TRACE(std::string(table->name));
    for (const float denominator : {1.0f, 255.0f, 256.0f}) {
      for (const std::size_t count : {1u, 7u, 16u, 37u, 256u}) {
        std::vector<float> values(count);
        std::vector<std::uint8_t> codes(count), expected(count);
        for (std::size_t i = 0; i < count; ++i) {
          expected[i] = static_cast<std::uint8_t>(255 - i * 7);
          values[i] = static_cast<float>(expected[i]) / denominator;
        }
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
        EXPECT_TRUE(table->encode(bytes, count, denominator, codes.data()));
        EXPECT_EQ(codes, expected);
        for (const float wrong : {std::nextafter(values.back(), 2e3f), -1.0f, 300.0f, std::nanf(""), INFINITY, 0.3f}) {
          values.back() = wrong;
          EXPECT_FALSE(table->encode(bytes, count, denominator, codes.data())) << wrong;
        }
      }
    }
  }
}

TEST(Kernels, CopyOnlyFiniteNumbers) {
  for (const Table* table : all_supported()) {
    for (const std::size_t count : {1u, 16u, 19u}) {
      std::vector<float> values(count, 1e30f), out(count);
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
      EXPECT_TRUE(table->copy_finite(bytes, count, out.data()));
      EXPECT_EQ(out, values);
      values.back() = std::nanf("");
      EXPECT_FALSE(table->copy_finite(bytes, count, out.data()));
      values.back() = 0;
      values.front() = -INFINITY;
      EXPECT_FALSE(table->copy_finite(bytes, count, out.data()));
    }
  }
}

}  // namespace
}  // namespace millrace::algorithms::kernels
