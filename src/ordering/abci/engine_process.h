// The engine as a child of this process: started, watched, started again when it dies, stopped with us.
//
// It gets nothing of ours: no descriptor but its log, no input, and an environment of PATH, HOME and what the host names, since the engine
// would let variables override the configuration that nobody edits. Its words go to the log, whose earlier part is kept as LOG.1: at each
// start, and whenever it has grown too long. Should we die, it dies: the kernel ends it, and its application connection is gone anyway. It
// is a session of its own, so that a terminal's interrupt is for us to handle. One that hangs, or that stands still after its consensus
// failed, is killed and started again: what it may sign is its signer's to say, so that a new start is never a risk. One that refuses the
// network's blocks because this machine's clock is behind is said to do so, and so is one that neither answers nor asks anything from its
// start on, which may have its reasons. Behind known last words stands what to do.
//
// Thread-safety: stop is safe from any thread but the watching one; the rest from any. on_event runs on the watching thread without a lock.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace careledger::ordering::abci {

inline constexpr std::uint32_t kLookMs = 30'000;
inline constexpr const char* kEngineName = "CometBFT v0.38.25";  // for people: what --engine must name

struct ProcessConfig {
  std::string program;  // of the engine
  std::string home;     // as prepare() made it
  std::string log;
  std::string verb = "start";            // what it shall do; "inspect": answer questions about the blocks that it keeps, and nothing else
  std::vector<std::string> variables{};  // "NAME=value", besides PATH and HOME
  std::vector<std::string> sockets{};    // on which the engine listens: what one that was killed left there is removed before each start
  std::uint32_t again_min_ms = 500;      // before it is started again; doubles while it keeps dying within a minute
  std::uint32_t again_max_ms = 30'000;
  std::uint32_t stop_ms = 10'000;           // for ending by itself; then it is killed
  std::uint32_t look_ms = kLookMs;          // between looks at how it is, and how long its log has grown
  std::uint32_t first_ms = 1'000;           // between questions until it has answered one
  std::uint64_t log_bytes_max = 16u << 20;  // then it becomes LOG.1
  // Whether it answers a question; on the watching thread, may take its time. One that answered, and then twice in a row does not, hangs:
  // before its first answer it may be at work on what it replays. None: nobody is asked.
  std::function<bool()> answers{};
  // How much engines have asked this node, ever. One that never answered and asked nothing, twice in a row, is told of, once a life. None:
  // nobody counts.
  std::function<std::uint64_t()> calls{};
  // Whether it has to be started again although it answers; asked at each look at which it does, on the same thread. None: it has not.
  std::function<bool()> left_behind{};
  // Why it has to be started again although it answers; empty: it has not. On the watching thread; told twice in a row it is believed.
  std::function<std::string()> complaint{};
  std::function<void()> on_look{};                     // at each look at it; on the watching thread
  std::function<void(const std::string&)> on_event{};  // "the engine ended with status 1; started again in 500 ms; its last words: …"
  pid_t (*fork)() = nullptr;                           // for tests, of a fork that fails
};

class EngineProcess {
 public:
  // not_found: there is no such program. Whether it runs is seen by its connections.
  static Result<std::unique_ptr<EngineProcess>> start(ProcessConfig config);
  ~EngineProcess();
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  int process_id() const;        // 0 while there is none
  std::uint64_t starts() const;  // how often it was started
  bool answers() const;          // it did when it was asked last
  void stop();                   // idempotent

 private:
  struct State;
  explicit EngineProcess(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace careledger::ordering::abci
