#pragma once
// Server-side encryption: what a request or its bucket asks for, and the keys that an object's bytes are sealed with.
//
// Each object, and each part of an upload, has a key of its own (ChunkCipher). It is kept in the record, sealed by a
// key that follows from the data directory's. A KMS key is a record of the object: there is no KMS here, so its id
// decides nothing, but bytes that were written under it open only under it. Source: Amazon S3 User Guide, "Protecting
// data with server-side encryption".

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::s3 {

struct Encryption {
  std::string method;       // "AES256", "aws:kms"; empty: the bytes are kept as they came
  std::string kms_key;      // aws:kms: its ARN
  std::string kms_context;  // aws:kms: base64 of a JSON object, as it was sent; empty: none
  bool bucket_key = false;  // aws:kms
  std::string data_key;     // sealed, base64; empty while there are no bytes (an upload under way)
  bool asked() const { return !method.empty(); }
};

// Seals the keys of objects. The master key is 32 bytes, or empty: then no key can be made (NotImplemented).
class DataKeys {
 public:
  explicit DataKeys(std::string master) : master_(std::move(master)) {}
  struct Made {
    std::string key;     // for a ChunkCipher
    std::string sealed;  // for the record
  };
  Result<Made> make(const Encryption& encryption) const;
  // InternalError for a record that this data directory's key does not open.
  Result<std::string> open(const Encryption& encryption) const;

 private:
  const std::string master_;
};

Value to_value(const Encryption& encryption);
Encryption encryption_of(const Value& value);

// Whose keys are meant, where an id does not say it.
struct AccountRegion {
  std::string account, region;
};
// What a write's members ask for (ServerSideEncryption, SSEKMSKeyId…), else its bucket's default. Errors:
// KMS.NotFoundException for what is no key's id; NotImplemented.
Result<Encryption> wanted_encryption(const AccountRegion& own, const Value& input, const Value& bucket_default);
// The members of an answer that say how the object is encrypted. A write's answer has its context as well.
enum class Answer { read, write };
void describe_encryption(Value& out, const Encryption& encryption, Answer answer);

// PutBucketEncryption's document. MalformedXML, InvalidArgument, NotImplemented.
Status check_default_encryption(const Value& configuration);

}  // namespace millrace::s3
