#include "ordering/abci/sender.h"

#include <algorithm>
#include <set>

namespace careledger::ordering::abci {
namespace {

using kernel::KernelCode;

constexpr std::uint64_t kRetryNs = 200'000'000;      // when the engine is full or away
constexpr std::uint64_t kLongestNs = 1'000'000'000;  // between looks when nothing is in flight

// What no later block takes back: whoever has the bytes cannot have them applied any more.
bool is_for_ever(kernel::Code code) {
  return code == kernel::code_of(KernelCode::replayed) || code == kernel::code_of(KernelCode::sequence_too_old) ||
         code == kernel::code_of(KernelCode::expired);
}

using Twins = std::multimap<std::pair<OrganisationId, Digest>, local::Pending>;

// Out of `commands`, what their organisation gives twice: an envelope that holds one command twice is refused.
Twins take_twins(std::vector<local::Pending>& commands) {
  Twins twins;
  std::set<std::pair<OrganisationId, Digest>> seen;
  std::vector<local::Pending> first;
  for (local::Pending& one : commands) {
    const std::pair key(one.organisation, one.digest);
    if (seen.insert(key).second) first.push_back(std::move(one));
    else twins.emplace(key, std::move(one));
  }
  commands = std::move(first);
  return twins;
}

// Whoever gave a command again waits for the copy that is sealed.
void join_twins(std::vector<local::Pending>& commands, Twins& twins) {
  std::vector<local::Pending> joined;
  for (const local::Pending& one : commands) {
    const auto [begin, end] = twins.equal_range({one.organisation, one.digest});
    for (auto twin = begin; twin != end; ++twin) joined.push_back(std::move(twin->second));
    twins.erase(begin, end);
  }
  std::ranges::move(joined, std::back_inserter(commands));
}

}  // namespace

void Sender::start() {
  thread_ = std::thread([this] { run(); });
}

// Where there is no room nothing leaves now, nor right at this block's end for it.
void Sender::proposal_came() {
  if (in_flight_.has_room()) intake_.wake();
}

void Sender::block_ended() {
  in_flight_.wake();
  if (in_flight_.size() == 0) intake_.wake();
}

void Sender::engine_started() {
  in_flight_.all_due();
  in_flight_.wake();
  intake_.wake();
}

void Sender::stop() {
  stopping_ = true;
  in_flight_.refuse();
  intake_.wake();
  if (thread_.joinable()) thread_.join();
}

std::vector<local::Pending> Sender::left() {
  std::vector<local::Pending> left;
  for (auto& [actor, commands] : held_)
    for (auto& [sequence, pending] : commands) left.push_back(std::move(pending));
  for (Envelope& envelope : sealed_) std::ranges::move(envelope.commands, std::back_inserter(left));
  held_.clear();
  sealed_.clear();
  return left;
}

void Sender::run() {
  while (!stopping_) {
    const std::uint64_t next = give_due();
    const std::uint64_t now = clock_.monotonic_ns();
    if (!in_flight_.has_room()) {
      in_flight_.wait_for_room(std::chrono::nanoseconds(next > now ? next - now : 0));
    } else if (!sealed_.empty()) {
      in_flight_.add(std::move(sealed_.front()), now);
      sealed_.pop_front();
    } else {
      refill(next);
    }
  }
}

void Sender::refill(std::uint64_t wait_until_ns) {
  std::vector<local::Pending> chosen = choose(wait_until_ns);
  if (chosen.empty()) return;
  Twins twins = take_twins(chosen);
  Sealed sealed = maker_.seal(std::move(chosen));
  for (Envelope& envelope : sealed.envelopes) join_twins(envelope.commands, twins);
  join_twins(sealed.not_hosted, twins);
  std::ranges::move(sealed.envelopes, std::back_inserter(sealed_));
  for (local::Pending& pending : sealed.not_hosted) {
    in_flight_.let_go(pending);
    pending.done(answer_for(pending, false, KernelCode::actor_not_active));
  }
  intake_.answered(sealed.not_hosted.size());
}

std::vector<local::Pending> Sender::choose(std::uint64_t wait_until_ns) {
  std::vector<local::Pending> chosen;
  std::size_t bytes = 0;
  take_held(chosen, bytes);
  if (!chosen.empty()) return chosen;
  const bool idle = in_flight_.size() == 0;
  const std::uint64_t gathered = clock_.monotonic_ns() + config_.gather_ms * std::uint64_t{1'000'000};
  for (local::Pending& pending :
       idle ? intake_.take(wait_until_ns, config_.batch_bytes) : intake_.gather(std::min(wait_until_ns, gathered), config_.batch_bytes)) {
    if (in_flight_.join(pending)) continue;
    if (!held_.contains(pending.actor) && in_flight_.hold_number(pending)) {
      chosen.push_back(std::move(pending));
    } else {
      hold(std::move(pending));
    }
  }
  return chosen;
}

// Behind those of its actor that wait already, unless the lowest of them has waited too long: the network does not keep up with him.
void Sender::hold(local::Pending pending) {
  const std::uint64_t wait_max_ns = pending.wait_max_ns;
  auto& waiting = held_[pending.actor];
  const bool late = wait_max_ns > 0 && !waiting.empty() && waiting.begin()->second.arrived_ns + wait_max_ns < pending.arrived_ns;
  if (!late) {
    const std::uint64_t sequence = pending.sequence;
    waiting.emplace(sequence, std::move(pending));
    return;
  }
  intake_.answered(1);
  pending.done({Outcome::busy, std::nullopt, static_cast<std::uint32_t>(wait_max_ns / 1'000'000)});
}

// Lowest numbers first, as far as their actor's window reaches now.
void Sender::take_held(std::vector<local::Pending>& chosen, std::size_t& bytes) {
  for (auto at = held_.begin(); at != held_.end();) {
    auto& commands = at->second;
    while (!commands.empty() && bytes < config_.batch_bytes && in_flight_.hold_number(commands.begin()->second)) {
      bytes += commands.begin()->second.bytes.size();
      chosen.push_back(std::move(commands.begin()->second));
      commands.erase(commands.begin());
    }
    at = commands.empty() ? held_.erase(at) : std::next(at);
  }
}

// Gives what is due, oldest first, until the engine takes no more; when to look again.
std::uint64_t Sender::give_due() {
  for (;;) {
    const std::uint64_t now = clock_.monotonic_ns();
    if (stopping_) return now;
    if (now < not_before_ns_) return not_before_ns_;
    const auto due = in_flight_.first_due(now);
    if (!due) return in_flight_.next_due_ns().value_or(now + kLongestNs);
    if (!give(*due)) not_before_ns_ = now + kRetryNs;
  }
}

// We judge ourselves before we ask the engine: it answers before it has asked us, and it remembers what it saw even when it dropped it
// later.
bool Sender::give(const InFlight::Again& envelope) {
  const auto code = judge(envelope);
  if (!code) return false;  // our disk: the engine's connection says so
  if (*code != KernelCode::ok) {
    settle(envelope, *code);
    return true;
  }
  in_flight_.leaves(envelope.number);
  const auto admitted = rpc_.submit(envelope.envelope);
  if (!admitted || *admitted == Admission::full) return false;
  in_flight_.given(envelope.number, clock_.monotonic_ns() + config_.repeat_ms * std::uint64_t{1'000'000});
  return true;
}

// What left this machine may stand in a pool, and blocks go by their own time, which stands still without a quorum: the first one
// afterwards may still take what has expired by our clock.
Result<KernelCode> Sender::judge(const InFlight::Again& envelope) const {
  const BlockTime block = replica_.view().time();
  CARELEDGER_TRY(const auto now, proposals_.judge(envelope.envelope, std::max(block, clock_.now())));
  if (now.code != KernelCode::expired || !envelope.taken) return now.code;
  CARELEDGER_TRY(const auto in_block, proposals_.judge(envelope.envelope, block));
  return in_block.code == KernelCode::expired ? now.code : KernelCode::ok;
}

// The envelope will not stand in a block any more.
void Sender::settle(const InFlight::Again& envelope, KernelCode code) {
  std::vector<local::Pending> left = in_flight_.remove(envelope.number);
  for (local::Pending& pending : left) pending.done(answer_for(pending, envelope.taken, code));
  intake_.answered(left.size());
}

// A copy that the engine took once may stand in the block of another node: that nothing became of it can only be said when nothing can.
Answer Sender::answer_for(const local::Pending& pending, bool taken, KernelCode code) const {
  const replica::View view = replica_.view();
  const kernel::ReceivedCommand command = kernel::receive_bytes(pending.bytes);
  const kernel::Code own = replica_.check(command, std::max(view.time(), clock_.now()));
  Answer answer = local::first_or_refused(view, replica_.ledger(), pending.digest, own.ok() ? kernel::code_of(code) : own);
  if (answer.outcome != Outcome::refused || !taken) return answer;
  const kernel::Code said = answer.receipt->code;
  const bool lasts = is_for_ever(said) && (said != kernel::code_of(KernelCode::expired) || command.expires <= view.time());
  return lasts ? answer : Answer{};
}

}  // namespace careledger::ordering::abci
