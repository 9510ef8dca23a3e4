#pragma once
// The KFP API, asked as its clients ask it.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "pipelines/world_for_tests.h"

namespace millrace::pipelines::api {

constexpr std::string_view kV2 = "/apis/v2beta1";

class ApiTest : public testing::Test {
 protected:
  Answer get(std::string_view target) { return world_.get(fmt::format("{}{}", kV2, target)); }
  Answer remove(std::string_view target) { return world_.send("DELETE", fmt::format("{}{}", kV2, target)); }
  Answer post(std::string_view target, const Value& body = Value::object()) {
    return world_.post(fmt::format("{}{}", kV2, target), body);
  }
  // As the SDK sends a file: one part named uploadfile.
  Answer upload(std::string_view target, std::string_view file, std::string_view content,
                std::string_view part = "uploadfile") {
    const std::string body = fmt::format(
        "--b0b\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n{}\r\n--b0b--\r\n",
        part, file, content);
    return world_.send("POST", fmt::format("{}{}", kV2, target), body, "multipart/form-data; boundary=b0b");
  }
  std::string made(const Answer& answer, std::string_view id) {
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.body[id].string_or();
  }
  static std::vector<std::string> names(const Answer& answer, std::string_view key) {
    EXPECT_EQ(answer.status, 200) << answer.text;
    std::vector<std::string> out;
    for (const Value& item : answer.body[key].items()) out.push_back(item["display_name"].string_or());
    return out;
  }
  World world_;
  const Value pipeline_ = make_pipeline({{"a", "echo hello; printf '%s' {{$.inputs.parameters['in']}} > outputs/out"}});
};

// Files in an archive of the kinds that a package may come in.
inline std::string pack(bool zip, const std::vector<std::pair<std::string, std::string>>& files) {
  std::string out(64u << 20, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  if (zip) {
    archive_write_set_format_zip(writer);
  } else {
    archive_write_set_format_ustar(writer);
    archive_write_add_filter_gzip(writer);
  }
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const auto& [name, content] : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(writer, entry);
    archive_write_data(writer, content.data(), content.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

}  // namespace millrace::pipelines::api
