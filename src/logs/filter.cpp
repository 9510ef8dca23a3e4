// The events of many streams by time: a merge of the streams, each read by its index a page at a time. The search goes
// on from where a page ended and never sorts what it has not reached.

#include <algorithm>
#include <limits>
#include <queue>
#include <set>
#include <tuple>
#include <utility>

#include "logs/store.h"

namespace millrace::logs {
namespace {

constexpr std::size_t kPageTotal = 8'192, kLeastPage = 8,
                      kMostPage = 1'024;     // events read ahead: of all streams, of one
constexpr std::int64_t kBytesPerEvent = 26;  // what AWS adds to each message's size
constexpr auto kMost = std::numeric_limits<std::int64_t>::max();

struct Source {
  std::int64_t id = 0;
  std::string name;
  Position after;  // the last event that was read
  std::vector<StoredEvent> page;
  std::size_t at = 0;  // in the page
  const StoredEvent& front() const { return page[at]; }
};

// The order of a filter's answer.
struct Later {
  bool operator()(const Source* a, const Source* b) const {
    const auto key = [](const Source& s) {
      return std::tuple(s.front().position.at, s.id, s.front().position.sequence);
    };
    return key(*a) > key(*b);
  }
};

// Behind the cursor, which stands in one stream: at its millisecond, streams before that one are done.
Position start_of(std::int64_t stream, const std::optional<Store::Cursor>& after) {
  if (!after) return {-1, 0};
  if (stream == after->stream_id) return after->position;
  return {after->position.at, stream < after->stream_id ? kMost : -1};
}

class Merge {
 public:
  static Result<Merge> open(db::Connection& c, std::vector<Source> sources, Range range) {
    auto select =
        MR_TRY(c.prepare("SELECT at, sequence, ingested, message FROM log_event WHERE stream_id = ? AND "
                         "(at, sequence) > (?, ?) AND at < ? ORDER BY at, sequence LIMIT ?"));
    Merge merge(std::move(select), std::move(sources), range);
    for (Source& source : merge.sources_) MR_TRY(merge.read_page(source));
    return merge;
  }
  // Null at the end.
  Result<StoredEvent*> next() {
    if (taken_ != nullptr) {
      Source& source = *std::exchange(taken_, nullptr);
      ++source.at;
      if (source.at < source.page.size())
        heap_.push(&source);
      else if (source.page.size() == page_)
        MR_TRY(read_page(source));
    }
    if (heap_.empty()) return nullptr;
    taken_ = heap_.top();
    heap_.pop();
    return &taken_->page[taken_->at];
  }
  const std::string& stream() const { return taken_->name; }
  std::int64_t stream_id() const { return taken_->id; }

 private:
  Merge(db::Statement select, std::vector<Source> sources, Range range)
      : select_(std::move(select)),
        sources_(std::move(sources)),
        range_(range),
        page_(std::clamp(kPageTotal / std::max<std::size_t>(sources_.size(), 1), kLeastPage, kMostPage)) {}

  Status read_page(Source& source) {
    source.page.clear();
    source.at = 0;
    const Position after = std::max(source.after, before_millisecond(*range_.start_ms));
    select_.bind_all(source.id, after.at, after.sequence, *range_.end_ms, page_);
    while (MR_TRY(select_.step())) {
      source.page.push_back({{select_.integer(0), select_.integer(1)},
                             from_epoch_ms(select_.integer(2)),
                             select_.text(3),
                             {},
                             source.id});
    }
    if (source.page.empty()) return {};
    source.after = source.page.back().position;
    heap_.push(&source);
    return {};
  }

  db::Statement select_;
  std::vector<Source> sources_;  // the heap points into it; moving the vector keeps its elements in place
  Range range_;                  // both ends set
  std::size_t page_;
  std::priority_queue<Source*, std::vector<Source*>, Later> heap_;
  Source* taken_ = nullptr;
};

Result<std::vector<Source>> sources_of(db::Connection& c, const std::string& group, const Store::Filter& filter,
                                       const std::optional<Store::Cursor>& after) {
  auto select =
      MR_TRY(c.prepare("SELECT s.id, s.name FROM log_stream s JOIN log_group g ON g.id = s.group_id WHERE "
                       "g.name = ? ORDER BY s.id"));
  select.bind_all(group);
  std::vector<Source> sources;
  std::size_t named = 0;
  while (MR_TRY(select.step())) {
    Source source{select.integer(0), select.text(1), {}, {}, 0};
    const bool listed = std::ranges::find(filter.streams, source.name) != filter.streams.end();
    named += listed ? 1 : 0;
    if (filter.streams.empty() ? !source.name.starts_with(filter.stream_prefix) : !listed) continue;
    source.after = start_of(source.id, after);
    sources.push_back(std::move(source));
  }
  const std::set<std::string_view> wanted(filter.streams.begin(), filter.streams.end());
  if (named == wanted.size()) return sources;
  return fail(Code::not_found, "The specified log stream does not exist.", "ResourceNotFoundException");
}

}  // namespace

Result<Store::Found> Store::filter(const std::string& group_name, const Filter& filter, std::optional<Cursor> after) {
  const Group found_group = MR_TRY(group(group_name));
  const Range range{std::max(filter.range.start_ms.value_or(0), oldest_kept(found_group.retention_days)),
                    filter.range.end_ms.value_or(kMost)};
  Found found;
  MR_TRY(database_.read([&](db::Connection& c) -> Status {
    Merge merge = MR_TRY(Merge::open(c, MR_TRY(sources_of(c, group_name, filter, after)), range));
    std::size_t looked_at = 0, bytes = 0;
    std::optional<Cursor> last = after;
    while (StoredEvent* event = MR_TRY(merge.next())) {
      if (found.events.size() >= filter.limit || looked_at >= filter.scan || bytes >= filter.max_bytes) {
        found.next = last;
        break;
      }
      ++looked_at;
      last = Cursor{event->position, merge.stream_id()};
      if (filter.matches && !filter.matches(event->message)) continue;
      bytes += event->message.size() + kBytesPerEvent;
      event->stream = merge.stream();
      found.events.push_back(std::move(*event));
    }
    return {};
  }));
  return found;
}

}  // namespace millrace::logs
