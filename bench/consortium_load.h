// Signed commands given to the nodes of a network, each to the one that hosts her organisation: as fast as they become final, or at a fixed
// rate whatever the network does; and what became of each.
//
// A command that a node is too busy for is given again, before anything new, once the time that the node named is over. Until then what its
// actor signed later waits: a patient's next command needs the one before, and an organisation's numbers must stay near each other. A
// command that is executed with another code than ok ends the benchmark: the load is made so that none should be.
//
// Thread-safety: answered() from any thread; the rest from one.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "bench/engine_network.h"
#include "bench/loaded_ledger.h"

namespace careledger::bench {

struct Stretch {                       // one load, from the first submission to the last
  double begin = 0, end = 0;           // seconds
  std::vector<std::uint64_t> numbers;  // of the commands that it gave first
  std::uint64_t refusals = 0;          // how often a node was too busy
  std::uint64_t bad_refusals = 0;      // of them, without a time to come back
};

enum class Since {
  first_given,  // by whoever was refused meanwhile, too
  taken,        // of what was taken before the stretch ended
};

class ConsortiumLoad {
 public:
  // Actors below `patients` are patients.
  ConsortiumLoad(const std::vector<Signed>& commands, std::size_t patients)
      : commands_(commands), patients_(patients), given_(commands.size()) {}
  void use(EngineNetwork& network);
  void answered(std::size_t node, const Answered& answer);
  void leave_out(std::size_t node);  // it died: it gets nothing any more, and nothing is expected of it

  Stretch as_fast_as_final(std::size_t in_flight, double seconds);  // a node's
  Stretch at_rate(double rate, double seconds);
  void settle();  // until what the nodes took is final
  void drain();   // until all is final; an unknown answer, or a minute without any, ends the benchmark
  double one();   // milliseconds from submission to the answer, on an idle network; endless when it was refused
  std::vector<double> latencies(const Stretch& stretch, Since since) const;  // milliseconds to the answer
  double final_until(const Stretch& stretch, std::uint64_t height) const;    // how many in blocks up to it
  double final_between(double from, double to) const;                        // how many answers came then
  double longest_gap(double from, double to) const;                          // between two moments at which something became final

 private:
  struct Given {
    double first = 0, at = 0, answered = 0;  // at: given last
    std::uint64_t height = 0;                // 0: not final yet
    bool refused = false;                    // and not given again since
  };
  struct Again {
    double due = 0;
    std::size_t actor = 0;
  };
  struct Held {
    std::set<std::uint64_t> waiting;    // to be given, lowest first
    std::set<std::uint64_t> under_way;  // given since, or what the first of them needs
  };
  std::size_t node_of(std::uint64_t number) const { return commands_[number].organisation % in_flight_.size(); }
  std::uint64_t take_next(Stretch& stretch);
  void hold(std::uint64_t number, double due);
  bool must_wait(std::uint64_t number);
  void release_next(std::uint64_t number);
  std::optional<std::uint64_t> take_due();
  void give(std::uint64_t number);
  bool wait_for_room(std::uint64_t number, std::size_t in_flight, double until);
  void count_refusals(Stretch& stretch, std::uint64_t before, std::uint64_t bad_before) const;

  const std::vector<Signed>& commands_;
  const std::size_t patients_;
  EngineNetwork* network_ = nullptr;
  std::uint64_t next_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Given> given_;
  std::vector<std::size_t> in_flight_;  // of each node
  std::vector<std::size_t> put_off_;    // likewise: refused, and not given again since
  std::vector<bool> active_;
  std::deque<Again> again_;
  std::unordered_map<std::size_t, Held> held_;           // by actor; in again_ or under way as long as something waits
  std::unordered_map<std::size_t, std::uint64_t> open_;  // by patient: given last, not answered
  std::uint64_t refusals_ = 0, bad_refusals_ = 0;
};

}  // namespace careledger::bench
