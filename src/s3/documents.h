#pragma once
// The documents that a bucket may have (its policy, its tags…): each is a row of the table in documents.cpp, from which
// its Get, Put and Delete operations are made.

#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "s3/store.h"

namespace millrace::s3 {

struct BucketDocument {
  std::string_view name;      // in the database
  std::string_view get_name;  // of the operation, whose action may have another name
  aws::IamAction get_action;
  std::string_view put_name;
  aws::IamAction put_action;
  std::string_view delete_name;
  aws::IamAction delete_action;
  int put_status;  // which is not always the model's
  // What Put keeps; empty: the document is removed. Refuses what is no such document.
  Result<std::string> (*keep)(const aws::Call& call, const Value& input);
  // Get's answer from what was kept.
  Result<Value> (*show)(const std::string& document, const std::string& bucket);
  // Where there is none.
  Error (*absent)();
};

inline constexpr std::string_view kPolicyDocument = "policy", kTaggingDocument = "tagging",
                                  kEncryptionDocument = "encryption";

std::vector<aws::Operation> document_operations(Store& store);
// As kTaggingDocument keeps them; empty for none.
std::string tagging_document(const Tags& tags);

}  // namespace millrace::s3
