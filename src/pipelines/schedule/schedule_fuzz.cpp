// Any text as a cron expression: it is refused, or what it names can be found both ways. And any text with macros in
// it.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pipelines/schedule/cron.h"
#include "pipelines/schedule/macros.h"

namespace schedule = millrace::pipelines::schedule;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const millrace::Time now = millrace::from_epoch_ms(1'800'000'000'000);
  if (const auto cron = schedule::Cron::parse(text)) {
    const auto first = cron->next(now);
    if (first && *first <= now) __builtin_trap();
    const auto second = first ? cron->next(*first) : std::nullopt;
    if (second && cron->latest(*first, *second - millrace::Millis(1)) != *first) __builtin_trap();
    if (second && cron->latest(*first, *second) != *second) __builtin_trap();
  }
  (void)schedule::expand(text, {"run", now, now, 1});
  (void)schedule::format_layout(now, text);
  (void)schedule::format_strftime(now, text);
  return 0;
}
