#include "aws/errors.h"

#include <gtest/gtest.h>

#include "base/disk_full.h"

namespace millrace::aws {
namespace {

TEST(Errors, AreNamedAsEachFamilyNamesThem) {
  struct Case {
    Protocol protocol;
    Error error;
    int status;
    const char* code;
  };
  const Case cases[] = {
      {Protocol::json, {Code::permission_denied, "no"}, 400, "AccessDeniedException"},
      {Protocol::query, {Code::permission_denied, "no"}, 403, "AccessDenied"},
      {Protocol::rest_xml, {Code::permission_denied, "no"}, 403, "AccessDenied"},
      {Protocol::json, {Code::invalid_argument, "no"}, 400, "ValidationException"},
      {Protocol::query, {Code::invalid_argument, "no"}, 400, "ValidationError"},
      {Protocol::query, {Code::not_found, "no", "NoSuchEntity"}, 404, "NoSuchEntity"},
      {Protocol::rest_xml, {Code::not_found, "no", "NoSuchBucket"}, 404, "NoSuchBucket"},
      // A full disk is the server's trouble, not the size of what was sent.
      {Protocol::json, {Code::resource_exhausted, "the queue is full"}, 500, "InternalFailure"},
      {Protocol::query, {Code::resource_exhausted, "the queue is full"}, 500, "ServiceFailure"},
      {Protocol::rest_xml, {Code::resource_exhausted, "the queue is full"}, 500, "InternalError"},
      {Protocol::json, disk_full("a"), 503, "ServiceUnavailable"},
      {Protocol::query, disk_full("a"), 503, "ServiceUnavailable"},
      {Protocol::rest_xml, disk_full("a"), 503, "ServiceUnavailable"},
      {Protocol::rest_xml, {Code::resource_exhausted, "no", "EntityTooLarge"}, 400, "EntityTooLarge"},
      {Protocol::query, {Code::resource_exhausted, "no", "LimitExceeded"}, 409, "LimitExceeded"},
  };
  for (const Case& c : cases) {
    const auto response = write_error(c.protocol, c.error, "request-1", "/r", false, "urn:x");
    const bool named = response.body.find(c.code) != std::string::npos ||
                       response.headers.get("x-amzn-ErrorType").find(c.code) != std::string_view::npos;
    EXPECT_TRUE(named) << c.code << ": " << response.body;
    EXPECT_EQ(response.status, c.status) << c.code << ": " << response.body;
    EXPECT_NE(response.body.find(c.error.message), std::string::npos) << response.body;
  }
}

}  // namespace
}  // namespace millrace::aws
