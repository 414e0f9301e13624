#include "bench/consortium_load.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "bench/common.h"

namespace careledger::bench {
namespace {

constexpr std::chrono::seconds kLongest{60};        // without any answer
constexpr std::size_t kOrganisationsTogether = 64;  // given again at a time: the ledger forgives 256 numbers out of order

}  // namespace

void ConsortiumLoad::use(EngineNetwork& network) {
  const std::lock_guard lock(mutex_);
  network_ = &network;
  in_flight_.assign(network.size(), 0);
  put_off_.assign(network.size(), 0);
  active_.assign(network.size(), true);
}

void ConsortiumLoad::answered(std::size_t node, const Answered& answer) {
  if (answer.what == Told::not_done)
    give_up(fmt::format("a command was refused by contract {} with code {}", answer.detail >> 16, answer.detail & 0xFFFF));
  if (answer.what == Told::unknown) give_up("a node does not know what became of a command");
  const std::lock_guard lock(mutex_);
  if (!active_[node]) return;
  --in_flight_[node];
  open_.erase(commands_[answer.number].actor);
  if (answer.what == Told::busy) {
    ++refusals_;
    if (answer.detail == 0) ++bad_refusals_;
    given_[answer.number].refused = true;
    ++put_off_[node];
    hold(answer.number, seconds_now() + answer.detail * 1e-3);
  } else {
    given_[answer.number].answered = seconds_now();
    given_[answer.number].height = answer.value;
    release_next(answer.number);
  }
  changed_.notify_all();
}

void ConsortiumLoad::hold(std::uint64_t number, double due) {
  const std::size_t actor = commands_[number].actor;
  Held& held = held_[actor];
  held.under_way.erase(number);
  held.waiting.insert(number);
  again_.push_back({due, actor});
}

// What its actor signed after it, when something of his had been refused.
void ConsortiumLoad::release_next(std::uint64_t number) {
  const std::size_t actor = commands_[number].actor;
  const auto found = held_.find(actor);
  if (found == held_.end()) return;
  const bool given_again = found->second.under_way.erase(number) > 0;
  if (found->second.waiting.empty() && found->second.under_way.empty()) held_.erase(found);
  else if (given_again && !found->second.waiting.empty()) again_.push_front({0, actor});
}

void ConsortiumLoad::leave_out(std::size_t node) {
  const std::lock_guard lock(mutex_);
  active_[node] = false;
  in_flight_[node] = put_off_[node] = 0;
  std::erase_if(open_, [&](const auto& one) { return node_of(one.second) == node; });
  std::erase_if(held_, [&](const auto& one) {
    return node_of(*(one.second.waiting.empty() ? one.second.under_way : one.second.waiting).begin()) == node;
  });
}

std::uint64_t ConsortiumLoad::take_next(Stretch& stretch) {
  const std::lock_guard lock(mutex_);
  for (; next_ < commands_.size(); ++next_) {
    if (!active_[node_of(next_)]) continue;
    stretch.numbers.push_back(next_);
    if (!must_wait(next_)) return next_++;
    held_[commands_[next_].actor].waiting.insert(next_);
  }
  give_up("the commands that were signed beforehand are used up");
}

// Something of its actor waits, or, of a patient's, was not answered: a node may refuse it after it has taken what needs it.
bool ConsortiumLoad::must_wait(std::uint64_t number) {
  const std::size_t actor = commands_[number].actor;
  if (held_.contains(actor)) return true;
  const auto open = open_.find(actor);
  if (open == open_.end()) return false;
  held_[actor].under_way.insert(open->second);
  return true;
}

std::optional<std::uint64_t> ConsortiumLoad::take_due() {
  const std::lock_guard lock(mutex_);
  while (!again_.empty() && again_.front().due <= seconds_now()) {
    const std::size_t actor = again_.front().actor;
    const auto held = held_.find(actor);
    const std::size_t most = actor < patients_ ? 1 : kOrganisationsTogether;
    if (held == held_.end() || held->second.waiting.empty() || held->second.under_way.size() >= most) {
      again_.pop_front();
      continue;
    }
    const std::uint64_t number = *held->second.waiting.begin();
    held->second.waiting.erase(held->second.waiting.begin());
    held->second.under_way.insert(number);
    return number;
  }
  return std::nullopt;
}

void ConsortiumLoad::give(std::uint64_t number) {
  const std::size_t node = node_of(number);
  {
    const std::lock_guard lock(mutex_);
    ++in_flight_[node];
    if (commands_[number].actor < patients_) open_[commands_[number].actor] = number;
    if (std::exchange(given_[number].refused, false)) --put_off_[node];
    given_[number].at = seconds_now();
    if (given_[number].first == 0) given_[number].first = given_[number].at;
  }
  (*network_)[node].submit(number, commands_[number].organisation, commands_[number].bytes);
}

// False when it is time for something else: one that was refused is due, or `until` has come.
bool ConsortiumLoad::wait_for_room(std::uint64_t number, std::size_t in_flight, double until) {
  const std::size_t node = node_of(number);
  std::unique_lock lock(mutex_);
  if (!again_.empty()) until = std::min(until, again_.front().due);
  return changed_.wait_for(lock, std::chrono::duration<double>(std::max(0.0, until - seconds_now())),
                           [&] { return in_flight_[node] + put_off_[node] < in_flight; });
}

// Commands go in their order, so one whose node has no room makes the others wait: nodes get equal shares. Whoever was refused waits as
// long as he was told, and gives nothing else meanwhile.
Stretch ConsortiumLoad::as_fast_as_final(std::size_t in_flight, double seconds) {
  Stretch stretch;
  stretch.begin = seconds_now();
  const std::uint64_t refused = refusals_, bad = bad_refusals_;
  const double end = stretch.begin + seconds;
  std::optional<std::uint64_t> next;
  while (seconds_now() < end) {
    if (const auto due = take_due()) {
      give(*due);
      continue;
    }
    if (!next) next = take_next(stretch);
    if (wait_for_room(*next, in_flight, end)) give(*std::exchange(next, std::nullopt));
  }
  if (next) give(*next);
  stretch.end = seconds_now();
  count_refusals(stretch, refused, bad);
  return stretch;
}

Stretch ConsortiumLoad::at_rate(double rate, double seconds) {
  Stretch stretch;
  stretch.begin = seconds_now();
  const std::uint64_t refused = refusals_, bad = bad_refusals_;
  const auto count = static_cast<std::uint64_t>(rate * seconds);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_for(std::chrono::duration<double>(stretch.begin + static_cast<double>(i) / rate - seconds_now()));
    const auto due = take_due();
    give(due ? *due : take_next(stretch));
  }
  stretch.end = seconds_now();
  count_refusals(stretch, refused, bad);
  return stretch;
}

void ConsortiumLoad::count_refusals(Stretch& stretch, std::uint64_t before, std::uint64_t bad_before) const {
  const std::lock_guard lock(mutex_);
  stretch.refusals = refusals_ - before;
  stretch.bad_refusals = bad_refusals_ - bad_before;
}

// Nothing that was refused is given again meanwhile.
void ConsortiumLoad::settle() {
  std::unique_lock lock(mutex_);
  const auto done = [&] { return std::ranges::all_of(in_flight_, [](std::size_t n) { return n == 0; }); };
  if (!changed_.wait_for(lock, kLongest, done)) give_up("what the nodes took does not become final");
}

void ConsortiumLoad::drain() {
  for (;;) {
    while (const auto due = take_due()) give(*due);
    std::unique_lock lock(mutex_);
    const std::size_t open = std::accumulate(in_flight_.begin(), in_flight_.end(), again_.size());
    if (open == 0) return;
    const bool waits_for_time = !again_.empty();
    const auto longest = waits_for_time ? std::chrono::duration<double>(std::max(0.0, again_.front().due - seconds_now()))
                                        : std::chrono::duration<double>(kLongest);
    if (changed_.wait_for(lock, longest) == std::cv_status::timeout && !waits_for_time) give_up("nothing becomes final any more");
  }
}

double ConsortiumLoad::one() {
  Stretch stretch;
  const std::uint64_t number = take_next(stretch);
  give(number);
  settle();
  (*network_)[node_of(number)].ask(Ask::provable);  // the block that proves it is over too: idle again
  const std::lock_guard lock(mutex_);
  const Given& given = given_[number];
  return given.height == 0 ? std::numeric_limits<double>::infinity() : (given.answered - given.at) * 1000;
}

std::vector<double> ConsortiumLoad::latencies(const Stretch& stretch, Since since) const {
  const std::lock_guard lock(mutex_);
  std::vector<double> out;
  for (const std::uint64_t number : stretch.numbers) {
    const Given& given = given_[number];
    if (given.height == 0 || (since == Since::taken && given.at > stretch.end)) continue;
    out.push_back((given.answered - (since == Since::taken ? given.at : given.first)) * 1000);
  }
  return out;
}

double ConsortiumLoad::final_until(const Stretch& stretch, std::uint64_t height) const {
  const std::lock_guard lock(mutex_);
  return static_cast<double>(std::ranges::count_if(stretch.numbers, [&](std::uint64_t number) {
    return given_[number].height > 0 && given_[number].height <= height && given_[number].answered <= stretch.end;
  }));
}

double ConsortiumLoad::final_between(double from, double to) const {
  const std::lock_guard lock(mutex_);
  return static_cast<double>(std::ranges::count_if(given_, [&](const Given& one) { return one.answered > from && one.answered <= to; }));
}

double ConsortiumLoad::longest_gap(double from, double to) const {
  const std::lock_guard lock(mutex_);
  std::vector<double> times{from, to};
  for (const Given& one : given_)
    if (one.answered > from && one.answered < to) times.push_back(one.answered);
  std::ranges::sort(times);
  double longest = 0;
  for (std::size_t i = 1; i < times.size(); ++i) longest = std::max(longest, times[i] - times[i - 1]);
  return longest;
}

}  // namespace careledger::bench
