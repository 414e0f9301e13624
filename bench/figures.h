// The figures of a benchmark program: printed as they come and written as the JSON that tools/bench.py joins.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace careledger::bench {

struct Figure {
  std::string name;  // stable from run to run
  double value = 0;
  std::string unit;  // "1/s", "ms", "bytes" …
  std::optional<double> target;
  std::optional<double> limit;  // the physical limit measured in the same run
  bool holds = true;            // the value reaches the target
};

enum class Better { higher, lower };
// A figure that must reach `target`; docs/figures.md says what each limit is.
Figure judged(std::string name, double value, std::string unit, Better better, double target, double limit);

// How long one kind of work takes, done again and again: by the clock, and in processor time of this whole process, which others on the
// machine stretch far less.
class Stopwatch {
 public:
  struct Lap {
    double clock = 0;  // milliseconds
    double processor = 0;
  };
  void start();
  void stop();
  void add(Lap lap) { laps_.push_back(lap); }  // measured elsewhere
  std::vector<double> clock() const;           // ascending
  std::vector<double> processor() const;

 private:
  static Lap now();
  Lap started_;
  std::vector<Lap> laps_;
};

// "NAME, p50", which must not exceed the target if there is one, and beside it "NAME, p99" and "NAME, processor time, p50". Milliseconds.
void add_latencies(std::vector<Figure>& figures, const std::string& name, const Stopwatch& watch, std::optional<double> target,
                   std::optional<double> limit = {});

// Prints a line for each and, when the arguments are "--json FILE", writes the file. The exit code of main: 0, or 2 for other
// arguments or a file that cannot be written. A missed target is no failure.
int report(const std::vector<Figure>& figures, int argc, char** argv);

}  // namespace careledger::bench
