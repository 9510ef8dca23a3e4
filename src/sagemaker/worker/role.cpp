#include "sagemaker/worker/role.h"

#include <exception>
#include <new>
#include <string>

#include "base/file.h"

namespace millrace::sagemaker::worker {
namespace {

bool is_customers(Code code) {
  switch (code) {
    case Code::invalid_argument:
    case Code::not_found:
    case Code::failed_precondition:
    case Code::resource_exhausted:
    case Code::unimplemented:
      return true;
    default:
      return false;
  }
}

// Exceptions of the standard library end here.
Status guarded(const std::function<Status()>& job) {
  try {
    return job();
  } catch (const std::bad_alloc&) {
    return fail(Code::resource_exhausted, "the data does not fit into this machine's memory");
  } catch (const std::exception& exception) {
    return fail(Code::internal, exception.what());
  }
}

// At most kMaxFailureBytes, never within a UTF-8 sequence.
std::string cut(std::string text) {
  if (text.size() <= kMaxFailureBytes) return text;
  std::size_t end = kMaxFailureBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

}  // namespace

int run_role(JobLog& log, const std::filesystem::path& output_directory, const std::function<Status()>& job) {
  const Status done = guarded(job);
  if (done) return kDone;
  const bool customers = is_customers(done.error().code);
  log.error("{}: {}", customers ? "Customer Error" : "Internal Error", done.error().message);
  Status written = make_directories(output_directory);
  if (written) written = write_file(output_directory / "failure", cut(done.error().message));
  if (!written) log.error("{}", written.error().message);
  return customers ? kCustomerFailure : kInternalFailure;
}

}  // namespace millrace::sagemaker::worker
