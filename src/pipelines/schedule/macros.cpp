#include "pipelines/schedule/macros.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/core.h>

namespace millrace::pipelines::schedule {
namespace {

constexpr std::string_view kDefaultLayout = "20060102150405";
constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
constexpr std::string_view kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::size_t kShort = 3;          // letters of a name that is cut
constexpr std::string_view kConversions =  // of strftime, that are the same in C and there
    "%ABCDFGHIMRSTUVWXYabcdeghjklmnprtuwxyz";

std::tm broken_down(Time time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm out{};
  gmtime_r(&seconds, &out);
  return out;
}

int hour_of_12(const std::tm& time) { return time.tm_hour % 12 == 0 ? 12 : time.tm_hour % 12; }

// A layout's elements: the longest that fits is meant, so a longer one stands before its beginnings.
struct Element {
  std::string_view text;
  std::string (*write)(const std::tm&);
};
using Tm = std::tm;
std::string two(int n) { return fmt::format("{:02}", n); }
constexpr Element kElements[] = {
    {"January", [](const Tm& t) { return std::string(kMonths[t.tm_mon]); }},
    {"Jan", [](const Tm& t) { return std::string(kMonths[t.tm_mon].substr(0, kShort)); }},
    {"Monday", [](const Tm& t) { return std::string(kDays[t.tm_wday]); }},
    {"Mon", [](const Tm& t) { return std::string(kDays[t.tm_wday].substr(0, kShort)); }},
    {"MST", [](const Tm&) { return std::string("UTC"); }},
    {"002", [](const Tm& t) { return fmt::format("{:03}", t.tm_yday + 1); }},
    {"01", [](const Tm& t) { return two(t.tm_mon + 1); }},
    {"02", [](const Tm& t) { return two(t.tm_mday); }},
    {"03", [](const Tm& t) { return two(hour_of_12(t)); }},
    {"04", [](const Tm& t) { return two(t.tm_min); }},
    {"05", [](const Tm& t) { return two(t.tm_sec); }},
    {"06", [](const Tm& t) { return two((t.tm_year + 1900) % 100); }},
    {"15", [](const Tm& t) { return two(t.tm_hour); }},
    {"1", [](const Tm& t) { return std::to_string(t.tm_mon + 1); }},
    {"2006", [](const Tm& t) { return fmt::format("{:04}", t.tm_year + 1900); }},
    {"2", [](const Tm& t) { return std::to_string(t.tm_mday); }},
    {"__2", [](const Tm& t) { return fmt::format("{:3}", t.tm_yday + 1); }},
    {"_2006", [](const Tm& t) { return fmt::format("_{:04}", t.tm_year + 1900); }},
    {"_2", [](const Tm& t) { return fmt::format("{:2}", t.tm_mday); }},
    {"3", [](const Tm& t) { return std::to_string(hour_of_12(t)); }},
    {"4", [](const Tm& t) { return std::to_string(t.tm_min); }},
    {"5", [](const Tm& t) { return std::to_string(t.tm_sec); }},
    {"PM", [](const Tm& t) { return std::string(t.tm_hour >= 12 ? "PM" : "AM"); }},
    {"pm", [](const Tm& t) { return std::string(t.tm_hour >= 12 ? "pm" : "am"); }},
    {"-07:00:00", [](const Tm&) { return std::string("+00:00:00"); }},
    {"-070000", [](const Tm&) { return std::string("+000000"); }},
    {"-07:00", [](const Tm&) { return std::string("+00:00"); }},
    {"-0700", [](const Tm&) { return std::string("+0000"); }},
    {"-07", [](const Tm&) { return std::string("+00"); }},
    {"Z07:00:00", [](const Tm&) { return std::string("Z"); }},
    {"Z070000", [](const Tm&) { return std::string("Z"); }},
    {"Z07:00", [](const Tm&) { return std::string("Z"); }},
    {"Z0700", [](const Tm&) { return std::string("Z"); }},
    {"Z07", [](const Tm&) { return std::string("Z"); }},
};

bool is_digit(std::string_view text, std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; }

// ".000" is a fraction in so many digits, ".999" one without noughts at its end; times here are whole seconds. The
// length of it; 0: there is none.
std::size_t fraction(std::string_view layout) {
  if ((layout[0] != '.' && layout[0] != ',') || layout.size() < 2 || (layout[1] != '0' && layout[1] != '9')) return 0;
  const std::size_t end = std::min(layout.find_first_not_of(layout[1], 1), layout.size());
  return is_digit(layout, end) ? 0 : end;
}

const Element* find_element(std::string_view layout) {
  for (const Element& element : kElements) {
    if (!layout.starts_with(element.text)) continue;
    // "Jane" and "Month" are words of their own.
    const bool name = element.text == "Jan" || element.text == "Mon";
    if (name && layout.size() > kShort && layout[kShort] >= 'a' && layout[kShort] <= 'z') continue;
    return &element;
  }
  return nullptr;
}

std::optional<std::string> strftime_macro(Time time, std::string_view body, std::string_view name) {
  constexpr std::string_view kOpen = ".strftime('", kClose = "')";
  if (!body.starts_with(name)) return std::nullopt;
  body.remove_prefix(name.size());
  if (!body.starts_with(kOpen) || !body.ends_with(kClose) || body.size() < kOpen.size() + kClose.size())
    return std::nullopt;
  body.remove_prefix(kOpen.size());
  body.remove_suffix(kClose.size());
  return format_strftime(time, body);
}

std::optional<std::string> convert(Time time, const std::tm& parts, char conversion) {
  if (conversion == 's')
    return std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  if (conversion == 'Z') return "UTC";
  if (conversion == 'v') return format_layout(time, "_2-Jan-2006");
  if (kConversions.find(conversion) == std::string_view::npos) return std::nullopt;
  std::array<char, 64> text{};
  const char pattern[] = {'%', conversion, '\0'};
  return std::string(text.data(), std::strftime(text.data(), text.size(), pattern, &parts));
}

// What stands between [[ and ]].
std::optional<std::string> bracketed(std::string_view body, const Macros& macros) {
  if (body == "RunUUID") return macros.run_id.empty() ? std::nullopt : std::optional(macros.run_id);
  if (body == "Index") return macros.index ? std::optional(std::to_string(*macros.index)) : std::nullopt;
  for (const auto& [name, time] : {std::pair<std::string_view, std::optional<Time>>("ScheduledTime", macros.scheduled),
                                   {"CurrentTime", macros.now}}) {
    if (!time || !body.starts_with(name)) continue;
    const std::string_view layout = body.substr(name.size());
    if (layout.empty()) return format_layout(*time, kDefaultLayout);
    if (layout[0] == '.') return format_layout(*time, layout.substr(1));
  }
  return std::nullopt;
}

// What stands between {{$. and }}.
std::optional<std::string> braced(std::string_view body, const Macros& macros) {
  if (macros.scheduled) {
    if (auto text = strftime_macro(*macros.scheduled, body, "scheduledTime")) return text;
  }
  return strftime_macro(macros.now, body, "currentTime");
}

}  // namespace

std::string format_layout(Time time, std::string_view layout) {
  const std::tm parts = broken_down(time);
  std::string out;
  while (!layout.empty()) {
    if (const std::size_t length = fraction(layout); length > 0) {
      if (layout[1] == '0') out += layout.substr(0, length);
      layout.remove_prefix(length);
    } else if (const Element* element = find_element(layout)) {
      out += element->write(parts);
      layout.remove_prefix(element->text.size());
    } else {
      out += layout[0];
      layout.remove_prefix(1);
    }
  }
  return out;
}

std::optional<std::string> format_strftime(Time time, std::string_view format) {
  const std::tm parts = broken_down(time);
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    const bool bare = i + 1 < format.size() && format[i + 1] == '-';  // without padding
    i += bare ? 2 : 1;
    auto text = i < format.size() ? convert(time, parts, format[i]) : std::nullopt;
    if (!text) return std::nullopt;
    if (bare && *text == "+0000") text = "+0";
    if (bare) text->erase(0, std::min(text->find_first_not_of(" 0"), text->size() - 1));
    out += *text;
  }
  return out;
}

std::string expand(std::string_view text, const Macros& macros) {
  constexpr std::string_view kBrackets = "[[", kBraces = "{{$.";
  std::string out;
  while (true) {
    const std::size_t bracket = text.find(kBrackets), brace = text.find(kBraces), open = std::min(bracket, brace);
    if (open == std::string_view::npos) break;
    const std::string_view begin = bracket < brace ? kBrackets : kBraces;
    const std::size_t body = open + begin.size(), close = text.find(bracket < brace ? "]]" : "}}", body);
    // It ends on the line that it begins on.
    if (close == std::string_view::npos || text.find('\n', body) < close) {
      out += text.substr(0, body);
      text.remove_prefix(body);
      continue;
    }
    out += text.substr(0, open);
    const std::string_view between = text.substr(body, close - body);
    const auto filled = bracket < brace ? bracketed(between, macros) : braced(between, macros);
    out += filled ? *filled : std::string(text.substr(open, close + 2 - open));
    text.remove_prefix(close + 2);
  }
  out += text;
  return out;
}

Value expand(const Value& value, const Macros& macros) {
  if (value.is_string()) return expand(std::string_view(value.as_string()), macros);
  if (value.is_array()) {
    Value out = Value::array();
    for (const Value& item : value.items()) out.push(expand(item, macros));
    return out;
  }
  if (!value.is_object()) return value;
  Value out = Value::object();
  for (const auto& [name, member] : value.members()) out.set(name, expand(member, macros));
  return out;
}

}  // namespace millrace::pipelines::schedule
