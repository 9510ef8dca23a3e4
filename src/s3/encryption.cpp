#include "s3/encryption.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/core.h>

#include "base/chunk_cipher.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/strings.h"
#include "s3/errors.h"

namespace millrace::s3 {
namespace {

constexpr std::string_view kAes = "AES256", kKms = "aws:kms";
constexpr std::string_view kManagedAlias = "alias/aws/s3";  // of the key that S3 uses where a request names none
constexpr std::size_t kMaxKeyId = 2'048;                    // KMS API reference, KeyId

// What a key may only be opened with.
std::string bound_to(const Encryption& encryption) {
  return "s3 data key\n" + encryption.method + "\n" + encryption.kms_key + "\n" + encryption.kms_context;
}

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdefABCDEF") == text.npos; }

// "1234abcd-12ab-34cd-56ef-1234567890ab", or "mrk-" and 32 digits.
bool is_key_name(std::string_view text) {
  if (text.starts_with("mrk-")) return text.size() == 36 && is_hex(text.substr(4));
  const auto parts = split(text, '-');
  constexpr std::array<std::size_t, 5> kSizes = {8, 4, 4, 4, 12};
  if (parts.size() != kSizes.size()) return false;
  for (std::size_t i = 0; i < kSizes.size(); ++i) {
    if (parts[i].size() != kSizes[i] || !is_hex(parts[i])) return false;
  }
  return true;
}

bool is_alias(std::string_view text) {
  if (!text.starts_with("alias/") || text.size() == 6) return false;
  return std::ranges::all_of(text.substr(6), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_' ||
           c == '-';
  });
}

std::string key_arn(std::string_view region, std::string_view account, std::string_view key) {
  return fmt::format("arn:aws:kms:{}:{}:key/{}", region, account, key);
}

// The key that an alias stands before: the same one each time.
std::string key_of_alias(std::string_view region, std::string_view account, std::string_view alias) {
  const std::string hex = sha256_hex(fmt::format("{}\n{}\n{}", region, account, alias));
  const std::string_view h = hex;
  return key_arn(region, account,
                 fmt::format("{}-{}-{}-{}-{}", h.substr(0, 8), h.substr(8, 4), h.substr(12, 4), h.substr(16, 4),
                             h.substr(20, 12)));
}

tl::unexpected<Error> no_such_key(std::string_view id) {
  return error_with("KMS.NotFoundException", fmt::format("Invalid keyId '{}'", id.substr(0, 256)));
}

// An id as S3 takes it, as the ARN that S3 answers with.
Result<std::string> kms_key_arn(const AccountRegion& own, const std::string& id) {
  if (id.empty()) return key_of_alias(own.region, own.account, kManagedAlias);
  if (id.size() > kMaxKeyId) return no_such_key(id);
  if (is_key_name(id)) return key_arn(own.region, own.account, id);
  if (is_alias(id)) return key_of_alias(own.region, own.account, id);
  const auto parts = split(id, ':');  // arn:aws:kms:region:account:key/…
  if (parts.size() != 6 || parts[0] != "arn" || parts[2] != "kms" || parts[3] != own.region) return no_such_key(id);
  const bool account = parts[4].size() == 12 && parts[4].find_first_not_of("0123456789") == std::string_view::npos;
  if (!account) return no_such_key(id);
  if (parts[5].starts_with("key/") && is_key_name(parts[5].substr(4))) return id;
  if (is_alias(parts[5])) return key_of_alias(parts[3], parts[4], parts[5]);
  return no_such_key(id);
}

Status check_method(std::string_view method) {
  if (method == kAes || method == kKms) return {};
  return not_implemented(fmt::format("Server-side encryption is by AES256 or aws:kms here, not by {}", method));
}

Status check_context(const std::string& context) {
  if (context.empty()) return {};
  const auto text = from_base64(context);
  const auto value = text ? parse_json(*text) : Result<Value>(fail(Code::invalid_argument, ""));
  const bool good = value && value->is_object() &&
                    std::ranges::all_of(value->members(), [](const auto& member) { return member.second.is_string(); });
  if (good) return {};
  return error_with("InvalidArgument",
                    "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding "
                    "JSON which represents a string-string map");
}

}  // namespace

Result<DataKeys::Made> DataKeys::make(const Encryption& encryption) const {
  if (master_.empty()) return not_implemented("This server has no key to encrypt objects with");
  Made made{std::string(ChunkCipher::kKeyBytes, '\0'), {}};
  random_bytes(std::span(reinterpret_cast<std::uint8_t*>(made.key.data()), made.key.size()));
  made.sealed = to_base64(seal(master_, made.key, bound_to(encryption)));
  return made;
}

Result<std::string> DataKeys::open(const Encryption& encryption) const {
  std::string key;
  const auto sealed = from_base64(encryption.data_key);
  if (sealed && unseal(master_, *sealed, bound_to(encryption), key) && key.size() == ChunkCipher::kKeyBytes) return key;
  return error_with("InternalError", "The key of an encrypted object does not open with this data directory's key.",
                    Code::data_loss);
}

Value to_value(const Encryption& encryption) {
  Value out = Value::object({{"method", encryption.method}});
  if (!encryption.kms_key.empty()) out.set("kms_key", encryption.kms_key);
  if (!encryption.kms_context.empty()) out.set("kms_context", encryption.kms_context);
  if (encryption.bucket_key) out.set("bucket_key", true);
  if (!encryption.data_key.empty()) out.set("data_key", encryption.data_key);
  return out;
}

Encryption encryption_of(const Value& value) {
  return {value["method"].string_or(), value["kms_key"].string_or(), value["kms_context"].string_or(),
          value["bucket_key"].bool_or(false), value["data_key"].string_or()};
}

Result<Encryption> wanted_encryption(const AccountRegion& own, const Value& input, const Value& bucket_default) {
  const Value& rule = bucket_default["Rules"].is_array() && bucket_default["Rules"].size() > 0
                          ? bucket_default["Rules"].items().front()
                          : bucket_default;
  const Value& standard = rule["ApplyServerSideEncryptionByDefault"];
  Encryption wanted;
  wanted.method = input["ServerSideEncryption"].string_or();
  const bool by_default = wanted.method.empty();
  if (by_default) wanted.method = standard["SSEAlgorithm"].string_or();
  if (!wanted.asked()) return wanted;
  MR_TRY(check_method(wanted.method));
  if (wanted.method != kKms) return wanted;
  wanted.kms_key =
      MR_TRY(kms_key_arn(own, by_default ? standard["KMSMasterKeyID"].string_or() : input["SSEKMSKeyId"].string_or()));
  wanted.kms_context = input["SSEKMSEncryptionContext"].string_or();
  MR_TRY(check_context(wanted.kms_context));
  wanted.bucket_key = input["BucketKeyEnabled"].bool_or(rule["BucketKeyEnabled"].bool_or(false));
  return wanted;
}

void describe_encryption(Value& out, const Encryption& encryption, Answer answer) {
  if (!encryption.asked()) return;
  out.set("ServerSideEncryption", encryption.method);
  if (!encryption.kms_key.empty()) out.set("SSEKMSKeyId", encryption.kms_key);
  if (answer == Answer::write && !encryption.kms_context.empty())
    out.set("SSEKMSEncryptionContext", encryption.kms_context);
  if (encryption.bucket_key) out.set("BucketKeyEnabled", true);
}

Status check_default_encryption(const Value& configuration) {
  const Value& rules = configuration["Rules"];
  if (!rules.is_array() || rules.size() != 1) return malformed_xml();
  const Value& standard = rules.items().front()["ApplyServerSideEncryptionByDefault"];
  if (standard.is_null()) return malformed_xml();
  const std::string method = standard["SSEAlgorithm"].string_or(), key = standard["KMSMasterKeyID"].string_or();
  MR_TRY(check_method(method));
  // The id of a key is not looked at before something is to be encrypted with it (API reference, PutBucketEncryption).
  if (method == kKms || key.empty()) return {};
  return error_with("InvalidArgument",
                    "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse");
}

}  // namespace millrace::s3
