// Child processes of a demo: this very program, run as a user would run it.
//
// Should the demo die, they die with it, unless they are told to live on. Thread-safety: one thread, which stays as long as they shall.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codec/json/json.h"

namespace careledger::apps::demo {

struct Finished {
  int exit = 0;     // 128 + the signal when one ended it
  std::string out;  // standard output; standard error goes to ours
};
// Runs `careledger ARGUMENTS…` to its end. unavailable when it cannot be started, or takes more than five minutes: then it is killed.
Result<Finished> run_self(const std::vector<std::string>& arguments);
// `careledger --json ARGUMENTS…`: its answer, empty when it has none; or, when it did not end well, an error in its own words.
Result<codec::json::Document> run_json(std::vector<std::string> arguments);

enum class Life : std::uint8_t { with_us, its_own };

// `careledger serve DIR` in a process of its own, watched until it says that it is ready (sd_notify) and ended by its id.
class Served {
 public:
  // unavailable, with the child's exit code, when it ends before it is ready. `scratch` holds the notification socket and its words.
  static Result<Served> start(const std::string& folder, const std::string& scratch, const std::vector<std::string>& more, Life life);
  Served(Served&& other) noexcept;
  Served& operator=(Served&& other) noexcept;
  ~Served();  // stop()

  int pid() const { return pid_; }
  int engine() const;    // process id of a network's engine; 0: it has none
  void freeze();         // SIGSTOP to it and its engine: they neither answer nor end
  void cut_off();        // SIGSTOP to its engine alone: it works on and hears of nobody, as when its line is down
  void thaw();           // SIGCONT to whatever was stopped
  void kill_hard();      // SIGKILL, and waits until it and its engine are gone: the kernel ends the engine with it
  void begin_to_stop();  // SIGTERM, without waiting: several end at the same time
  int stop();            // SIGTERM, and waits, a minute at most; its exit code. 0 when it is gone already
  void leave();          // forgets the child: it goes on serving

 private:
  Served() = default;
  int pid_ = 0;
  int frozen_engine_ = 0;
  bool frozen_ = false;
};

}  // namespace careledger::apps::demo
