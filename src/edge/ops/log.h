// Structured logs: one line an event, as JSON or as key=value. What it never gets: patient data, tokens, keys, paths with ids.
//
// Thread-safety: any thread. A line is written whole. Writing never throws and never blocks for longer than the file does.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace careledger::edge::ops {

enum class Level : std::uint8_t { debug, info, warning, error };
const char* name_of(Level level);
Result<Level> level_of(std::string_view name);  // invalid

struct Field {
  Field(std::string_view the_key, std::string_view text) : key(the_key), value(text), quoted(true) {}
  Field(std::string_view the_key, const char* text) : Field(the_key, std::string_view(text)) {}
  Field(std::string_view the_key, const std::string& text) : Field(the_key, std::string_view(text)) {}
  Field(std::string_view the_key, bool truth) : key(the_key), value(truth ? "true" : "false") {}
  template <class Int>
    requires(std::is_integral_v<Int> && !std::is_same_v<Int, bool>)
  Field(std::string_view the_key, Int number) : key(the_key), value(std::to_string(number)) {}

  std::string_view key;  // a plain word
  std::string value;
  bool quoted = false;
};

struct LogConfig {
  Level level = Level::info;  // less is dropped
  bool json = false;          // else key=value
  std::string file;           // appended to; empty: standard error
};

class Log {
 public:
  static Result<std::unique_ptr<Log>> open(const LogConfig& config, const Clock& clock);  // storage: the file
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  bool takes(Level level) const;
  void write(Level level, std::string_view event, std::initializer_list<Field> fields = {});
  void debug(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::debug, event, fields); }
  void info(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::info, event, fields); }
  void warning(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::warning, event, fields); }
  void error(std::string_view event, std::initializer_list<Field> fields = {}) { write(Level::error, event, fields); }
  void flush();

 private:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace careledger::edge::ops
