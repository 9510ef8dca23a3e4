#pragma once
// Who makes a request of the APIs that ask for no signature. A person (or a program of theirs) may do everything. A
// child of the server's acts for the run whose step it is, and may do what its run may; see docs/security.md.

#include <string>

namespace millrace::pipelines {

struct Caller {
  // stranger: a child of which no run is known, such as a SageMaker job, or what outlived its step. It has no rights.
  enum class Kind { person, run, stranger } kind = Kind::person;
  std::string run_id = {};  // Kind::run

  bool is_person() const { return kind == Kind::person; }
  static Caller of_run(std::string id) {
    return id.empty() ? Caller{Kind::stranger} : Caller{Kind::run, std::move(id)};
  }
};

// Which part of the pipeline API steps may use (`millrace serve --task-api`).
enum class TaskApi { own, closed };  // own: the runs that the step's run has started, and its own

}  // namespace millrace::pipelines
