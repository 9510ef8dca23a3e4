#pragma once
// Only for tests: what the simulated server stands on. A database that it may die beside; S3 in memory; logs that keep
// nothing; a backend whose answers get lost.

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "db/database.h"
#include "logs/logs.h"
#include "s3/s3.h"
#include "sagemaker/simulation/chaos.h"
#include "work/fake_backend.h"

namespace millrace::sagemaker::simulation {

class MortalDatabase final : public db::Database {
 public:
  MortalDatabase(db::Database& inner, Chaos& chaos) : inner_(inner), chaos_(chaos) {}
  Status migrate(std::string_view component, std::span<const db::Migration> migrations) override {
    return inner_.migrate(component, migrations);
  }
  Status write(const Work& work) override {
    chaos_.between_writes();
    const Status done = inner_.write(work);
    chaos_.between_writes();
    return done;
  }
  void write_async(Work work, std::function<void(Status)> done) override {
    inner_.write_async(std::move(work), std::move(done));
  }
  Status read(const Work& work) override { return inner_.read(work); }

 private:
  db::Database& inner_;
  Chaos& chaos_;
};

using Objects = std::map<std::string, std::string>;  // "bucket/key" → bytes; one bucket, "data"

class SimulatedS3 final : public s3::S3 {
 public:
  SimulatedS3(Objects& objects, Chaos& chaos) : objects_(objects), chaos_(chaos) {}
  aws::Service service() override { return {"s3", {}}; }
  aws::ResourcePolicy resource_policy() override { return {}; }
  ConditionTags condition_tags() override { return {}; }
  std::unique_ptr<s3::Access> access(aws::Gateway&, aws::Principal) override { return system_access(); }
  std::unique_ptr<s3::Access> system_access() override { return std::make_unique<SimulatedAccess>(*this); }
  Status ensure_bucket(const std::string&, std::string_view) override { return {}; }
  Result<std::vector<BucketInfo>> buckets() override { return std::vector<BucketInfo>(); }

 private:
  class SimulatedAccess final : public s3::Access {
   public:
    explicit SimulatedAccess(SimulatedS3& s3) : s3_(s3) {}
    Result<std::vector<s3::ObjectInfo>> list(const std::string& bucket, const std::string& prefix) override {
      MR_TRY(s3_.reach(bucket));
      std::vector<s3::ObjectInfo> found;
      for (const auto& [name, bytes] : s3_.objects_) {
        if (name.starts_with(bucket + "/" + prefix)) found.push_back(info(bucket, name.substr(bucket.size() + 1)));
      }
      return found;
    }
    Result<s3::Folder> folder(const std::string&, const std::string&, std::size_t) override { return s3::Folder(); }
    Result<s3::ObjectInfo> head(const std::string& bucket, const std::string& key) override {
      MR_TRY(read(bucket, key, 0));
      return info(bucket, key);
    }
    Result<std::string> read(const std::string& bucket, const std::string& key, std::size_t) override {
      MR_TRY(s3_.reach(bucket));
      const auto found = s3_.objects_.find(bucket + "/" + key);
      if (found == s3_.objects_.end()) return fail(Code::not_found, "There is no such key.", "NoSuchKey");
      return found->second;
    }
    Status materialise(const std::string& bucket, const std::string& key, const std::filesystem::path& path,
                       blob::BlobStore::Share) override {
      return write_file(path, MR_TRY(read(bucket, key, 0)));
    }
    Result<s3::ObjectInfo> put(const std::string& bucket, const std::string& key, std::string_view bytes,
                               std::string_view) override {
      MR_TRY(s3_.reach(bucket));
      s3_.objects_[bucket + "/" + key] = bytes;
      s3_.chaos_.between_writes();
      return info(bucket, key);
    }
    Result<s3::ObjectInfo> put_body(const std::string& bucket, const std::string& key, net::BodyReader& body,
                                    std::string_view type) override {
      return put(bucket, key, MR_TRY(body.read_all(64u << 20)), type);
    }
    Result<s3::ObjectInfo> put_file(const std::string& bucket, const std::string& key,
                                    const std::filesystem::path& file, std::string_view type) override {
      return put(bucket, key, MR_TRY(read_file(file)), type);
    }

   private:
    static s3::ObjectInfo info(const std::string& bucket, const std::string& key) {
      s3::ObjectInfo info;
      info.bucket = bucket;
      info.key = key;
      return info;
    }
    SimulatedS3& s3_;
  };

  Status reach(const std::string& bucket) {
    chaos_.between_writes();
    MR_TRY(chaos_.may_fail(60));
    if (bucket == "data") return {};
    return fail(Code::not_found, "The specified bucket does not exist", "NoSuchBucket");
  }

  Objects& objects_;
  Chaos& chaos_;
};

class SimulatedLogs final : public logs::Logs {
 public:
  explicit SimulatedLogs(Chaos& chaos) : chaos_(chaos) {}
  aws::Service service() override { return {"logs", {}}; }
  Status append(const std::string& group, const std::string& stream, const std::vector<logs::Event>& events) override {
    chaos_.may_die();
    MR_TRY(chaos_.may_fail(60));
    auto& kept = events_[group + "/" + stream];
    kept.insert(kept.end(), events.begin(), events.end());
    return {};
  }
  Result<std::vector<logs::Event>> read(const std::string& group, const std::string& stream, std::size_t skip,
                                        std::size_t) override {
    const auto& kept = events_[group + "/" + stream];
    if (skip >= kept.size()) return std::vector<logs::Event>();
    return std::vector<logs::Event>(kept.begin() + static_cast<std::ptrdiff_t>(skip), kept.end());
  }
  Result<std::vector<std::string>> streams(const std::string&, const std::string&) override {
    return std::vector<std::string>();
  }

 private:
  Chaos& chaos_;
  std::map<std::string, std::vector<logs::Event>> events_;
};

// What the fake does is done; whether the server hears of it is another matter.
class UnreliableBackend final : public work::Backend {
 public:
  using Begun = std::function<void(const work::Workload&)>;
  using Stopped = std::function<void(const std::string& key, Millis grace)>;
  UnreliableBackend(work::FakeBackend& fake, Chaos& chaos, Begun begun, Stopped stopped)
      : fake_(fake), chaos_(chaos), begun_(std::move(begun)), stopped_(std::move(stopped)) {}

  void start(work::Workload workload, Done done) override {
    chaos_.between_writes();
    if (auto answers = chaos_.may_fail(40); !answers) return done(fail(answers.error()));  // it was never asked
    const std::string key = workload.key;
    const std::size_t before = fake_.started().size();
    Result<work::WorkStatus> answer = fail(Code::internal, "");
    fake_.start(workload, [&](Result<work::WorkStatus> result) { answer = std::move(result); });
    if (fake_.started().size() > before) begun_(workload);
    if (auto answers = chaos_.may_fail(25); !answers) answer = fail(answers.error());  // it runs, and nobody heard
    chaos_.between_writes();
    done(std::move(answer));
  }
  Result<std::optional<work::WorkStatus>> status(const std::string& key) override {
    MR_TRY(chaos_.may_fail(80));
    return fake_.status(key);
  }
  Status stop(const std::string& key, Millis grace) override {
    chaos_.between_writes();
    MR_TRY(chaos_.may_fail(40));
    stopped_(key, grace);
    return fake_.stop(key, grace);
  }
  Status forget(const std::string& key) override {
    chaos_.between_writes();
    MR_TRY(chaos_.may_fail(40));
    return fake_.forget(key);
  }
  Status shutdown(Millis grace) override { return fake_.shutdown(grace); }
  Status confines() override { return fake_.confines(); }
  bool has_image(const std::string& image) override { return fake_.has_image(image); }
  void report(const std::string& key, const work::WorkStatus& status) { report_end(key, status); }

 private:
  work::FakeBackend& fake_;
  Chaos& chaos_;
  const Begun begun_;
  const Stopped stopped_;
};

}  // namespace millrace::sagemaker::simulation
