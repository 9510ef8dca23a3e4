#include "proc/wire.h"

namespace millrace::proc {
namespace {

constexpr std::size_t kHeader = 4;
constexpr std::size_t kMaxListItems = 1u << 20;

void append_u32(std::string& out, std::size_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((value >> shift) & 0xff);
}

}  // namespace

Packer& Packer::number(std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>((value >> shift) & 0xff);
  return *this;
}

Packer& Packer::text(std::string_view value) {
  number(value.size());
  bytes_ += value;
  return *this;
}

Packer& Packer::status(const ChildStatus& value) {
  return number(static_cast<std::uint64_t>(value.state))
      .number(static_cast<std::uint64_t>(value.pid))
      .number(static_cast<std::uint64_t>(value.exit_code))
      .number(static_cast<std::uint64_t>(value.signal))
      .number(static_cast<std::uint64_t>(to_epoch_ms(value.started)))
      .number(static_cast<std::uint64_t>(to_epoch_ms(value.ended)))
      .number(value.errors_end);
}

std::uint64_t Unpacker::number() {
  if (bytes_.size() < 8) {
    ok_ = false;
    bytes_ = {};
    return 0;
  }
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(bytes_[static_cast<std::size_t>(i)]);
  bytes_.remove_prefix(8);
  return value;
}

std::string Unpacker::text() {
  const std::uint64_t size = number();
  if (size > bytes_.size()) {
    ok_ = false;
    bytes_ = {};
    return {};
  }
  std::string value(bytes_.substr(0, size));
  bytes_.remove_prefix(size);
  return value;
}

ChildStatus Unpacker::status() {
  ChildStatus value;
  value.state = static_cast<ChildStatus::State>(number());
  value.pid = static_cast<std::int64_t>(number());
  value.exit_code = static_cast<int>(number());
  value.signal = static_cast<int>(number());
  value.started = from_epoch_ms(static_cast<std::int64_t>(number()));
  value.ended = from_epoch_ms(static_cast<std::int64_t>(number()));
  if (!at_end()) value.errors_end = number();  // a launcher of an earlier program says nothing of it
  return value;
}

std::string pack_spec(const LaunchSpec& spec) {
  Packer out;
  out.text(spec.key).number(spec.argv.size());
  for (const auto& argument : spec.argv) out.text(argument);
  out.number(spec.environment.size());
  for (const auto& [name, value] : spec.environment) out.text(name).text(value);
  out.text(spec.working_directory.native()).text(spec.stdout_path.native()).text(spec.stderr_path.native());
  out.number(spec.memory_limit_bytes).number(spec.cpu_limit_seconds).number(spec.file_size_limit_bytes);
  out.number(spec.cpus).number(spec.synced ? 1 : 0).number(spec.as_server ? 1 : 0).number(spec.user ? 1 : 0);
  if (spec.user) out.number(spec.user->user).number(spec.user->group);
  out.number(spec.sandbox ? 1 : 0);
  if (!spec.sandbox) return out.take();
  out.number(spec.sandbox->network ? 1 : 0).number(spec.sandbox->may_nest ? 1 : 0);
  for (const auto* paths : {&spec.sandbox->hidden, &spec.sandbox->programs}) {
    out.number(paths->size());
    for (const auto& path : *paths) out.text(path.native());
  }
  out.number(spec.sandbox->mounts.size());
  for (const Mount& mount : spec.sandbox->mounts) {
    out.number(static_cast<std::uint64_t>(mount.kind)).text(mount.source.native()).text(mount.target);
    out.text(mount.below.native());
    out.number(mount.size_bytes).number(mount.files.size());
    for (const auto& [name, bytes] : mount.files) out.text(name).text(bytes);
  }
  return out.take();
}

Result<LaunchSpec> unpack_spec(std::string_view bytes) {
  Unpacker in(bytes);
  LaunchSpec spec;
  spec.key = in.text();
  const std::uint64_t arguments = in.number();
  for (std::uint64_t i = 0; i < arguments && i < kMaxListItems && in.ok(); ++i) spec.argv.push_back(in.text());
  const std::uint64_t variables = in.number();
  for (std::uint64_t i = 0; i < variables && i < kMaxListItems && in.ok(); ++i) {
    std::string name = in.text();
    spec.environment.emplace_back(std::move(name), in.text());
  }
  spec.working_directory = in.text();
  spec.stdout_path = in.text();
  spec.stderr_path = in.text();
  spec.memory_limit_bytes = in.number();
  spec.cpu_limit_seconds = in.number();
  spec.file_size_limit_bytes = in.number();
  spec.cpus = static_cast<unsigned>(in.number());
  spec.synced = in.number() == 1;
  spec.as_server = in.number() == 1;
  if (in.number() == 1) {
    const auto user = static_cast<uid_t>(in.number());
    spec.user = ChildUser{user, static_cast<gid_t>(in.number())};
  }
  if (in.number() == 1) {
    Sandbox& sandbox = spec.sandbox.emplace();
    sandbox.network = in.number() == 1;
    sandbox.may_nest = in.number() == 1;
    for (auto* paths : {&sandbox.hidden, &sandbox.programs}) {
      const std::uint64_t count = in.number();
      for (std::uint64_t i = 0; i < count && i < kMaxListItems && in.ok(); ++i) paths->emplace_back(in.text());
    }
    const std::uint64_t mounts = in.number();
    for (std::uint64_t i = 0; i < mounts && i < kMaxListItems && in.ok(); ++i) {
      Mount& mount = sandbox.mounts.emplace_back();
      const std::uint64_t kind = in.number();
      if (kind > static_cast<std::uint64_t>(Mount::Kind::files))
        return fail(Code::invalid_argument, "the launch request is broken");
      mount.kind = static_cast<Mount::Kind>(kind);
      mount.source = in.text();
      mount.target = in.text();
      mount.below = in.text();
      mount.size_bytes = in.number();
      const std::uint64_t files = in.number();
      for (std::uint64_t j = 0; j < files && j < kMaxListItems && in.ok(); ++j) {
        std::string name = in.text();
        mount.files.emplace_back(std::move(name), in.text());
      }
    }
  }
  if (!in.ok() || !in.at_end()) return fail(Code::invalid_argument, "the launch request is broken");
  return spec;
}

std::string pack_result(const Result<std::string>& payload) {
  Packer out;
  if (payload) return out.number(1).text(*payload).take();
  const Error& error = payload.error();
  return out.number(0).number(static_cast<std::uint64_t>(error.code)).text(error.message).text(error.reason).take();
}

Result<std::string> unpack_result(std::string_view bytes) {
  Unpacker in(bytes);
  if (in.number() == 1) {
    std::string payload = in.text();
    if (in.ok()) return payload;
  } else {
    Error error;
    error.code = static_cast<Code>(in.number());
    error.message = in.text();
    error.reason = in.text();
    if (in.ok()) return fail(std::move(error));
  }
  return fail(Code::internal, "the launcher's answer is broken");
}

void append_frame(std::string& out, const Message& message) {
  append_u32(out, 1 + 8 + message.body.size());
  out += static_cast<char>(message.type);
  out += Packer().number(message.id).take();
  out += message.body;
}

Result<std::optional<Message>> take_frame(std::string_view& in) {
  if (in.size() < kHeader) return std::optional<Message>();
  std::size_t size = 0;
  for (std::size_t i = kHeader; i-- > 0;) size = size << 8 | static_cast<unsigned char>(in[i]);
  if (size < 9 || size > kMaxMessageBytes) return fail(Code::invalid_argument, "a message of an impossible length");
  if (in.size() < kHeader + size) return std::optional<Message>();
  Message message;
  message.type = static_cast<MessageType>(in[kHeader]);
  message.id = Unpacker(in.substr(kHeader + 1, 8)).number();
  message.body = in.substr(kHeader + 9, size - 9);
  in.remove_prefix(kHeader + size);
  return std::optional<Message>(std::move(message));
}

}  // namespace millrace::proc
