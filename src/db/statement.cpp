#include "db/database.h"

namespace millrace::db {

Status Statement::run() {
  while (MR_TRY(step())) {
  }
  return {};
}

}  // namespace millrace::db
