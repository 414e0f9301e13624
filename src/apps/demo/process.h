// Child processes of the demo: this very program, run as a user would run it.
//
// Thread-safety: one thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace careledger::apps::demo {

struct Finished {
  int exit = 0;     // 128 + the signal when one ended it
  std::string out;  // standard output; standard error goes to ours
};
// Runs `careledger ARGUMENTS…` to its end. unavailable when it cannot be started.
Result<Finished> run_self(const std::vector<std::string>& arguments);

// `careledger serve DIR` in a process of its own, watched until it says that it is ready (sd_notify) and ended by its id.
class Served {
 public:
  // unavailable, with the child's exit code, when it ends before it is ready. `scratch` holds the notification socket.
  static Result<Served> start(const std::string& folder, const std::string& scratch, const std::vector<std::string>& more = {});
  Served(Served&& other) noexcept;
  Served& operator=(Served&& other) noexcept;
  ~Served();  // stop()

  int pid() const { return pid_; }
  void kill_hard();  // SIGKILL, and waits until it is gone
  int stop();        // SIGTERM, and waits; its exit code. 0 when it is gone already
  void leave();      // forgets the child: it goes on serving

 private:
  Served() = default;
  int pid_ = 0;
};

}  // namespace careledger::apps::demo
