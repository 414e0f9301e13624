#include "edge/ops/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <ctime>

namespace careledger::edge::ops {

namespace {

spdlog::level::level_enum to_library(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string timestamp(BlockTime time) {  // RFC 3339, UTC, milliseconds
  const auto seconds = static_cast<std::time_t>(time.value / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto ms = std::to_string(1000 + time.value % 1000);
  return std::string(text.data(), size) + '.' + ms.substr(1) + 'Z';
}

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {  // a log line is ASCII: nothing in it can move a terminal's cursor
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

void append(std::string& line, bool json, const Field& field) {
  if (json) {
    line += ',';
    append_quoted(line, field.key);
    line += ':';
    if (field.quoted) append_quoted(line, field.value);
    else line += field.value;
    return;
  }
  line += ' ';
  line += field.key;
  line += '=';
  if (!field.quoted || is_plain(field.value)) line += field.value;
  else append_quoted(line, field.value);
}

}  // namespace

const char* name_of(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "info";
}

Result<Level> level_of(std::string_view name) {
  for (const auto level : {Level::debug, Level::info, Level::warning, Level::error}) {
    if (name == name_of(level)) return level;
  }
  return fail(ErrorKind::invalid, "no log level of that name; there are debug, info, warning, error");
}

struct Log::State {
  LogConfig config;
  const Clock& clock;
  std::shared_ptr<spdlog::logger> logger;
};

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() { flush(); }

Result<std::unique_ptr<Log>> Log::open(const LogConfig& config, const Clock& clock) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  try {
    if (config.file.empty()) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.file);
  } catch (const std::exception& error) {
    return fail(ErrorKind::storage, "log file " + config.file + ": " + error.what());
  }
  auto logger = std::make_shared<spdlog::logger>("careledger", std::move(sink));
  logger->set_pattern("%v");
  logger->set_level(to_library(config.level));
  logger->flush_on(to_library(config.level));            // a line that waits in memory is lost with the process that it would explain
  logger->set_error_handler([](const std::string&) {});  // a full disk must not stop the program for its log
  return std::unique_ptr<Log>(new Log(std::make_unique<State>(State{config, clock, std::move(logger)})));
}

bool Log::takes(Level level) const { return level >= state_->config.level; }

void Log::write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!takes(level)) return;
  const bool json = state_->config.json;
  std::string line;
  const auto time = timestamp(state_->clock.now());
  if (json) {
    line = "{\"time\":\"" + time + "\",\"level\":\"" + name_of(level) + "\",\"event\":";
    append_quoted(line, event);
  } else {
    line = time + ' ' + name_of(level) + ' ';
    if (is_plain(event)) line += event;
    else append_quoted(line, event);
  }
  for (const auto& field : fields) append(line, json, field);
  if (json) line += '}';
  state_->logger->log(to_library(level), spdlog::string_view_t(line.data(), line.size()));
}

void Log::flush() { state_->logger->flush(); }

}  // namespace careledger::edge::ops
