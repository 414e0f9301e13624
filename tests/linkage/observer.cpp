#include "observer.h"

#include "contracts/build.h"
#include "contracts/consent/consent.h"
#include "contracts/rules.h"
#include "kernel/command.h"
#include "kernel/tables.h"

namespace careledger::linkage {
namespace {

namespace build = contracts::build;

class Observer {
 public:
  explicit Observer(const City& city) : city_(city) {}

  Seen run() {
    for (const Row& row : city_.ledger) look(row);
    for (auto& [id, sequence] : proposals_) bracket(seen_[id], sequence);
    return std::move(seen_);
  }

 private:
  void look(const Row& row) {
    const kernel::ReceivedCommand command = kernel::receive_bytes(row.command);
    CARELEDGER_ASSERT(command.verdict == kernel::KernelCode::ok);
    const std::size_t hospital = row.organisation == city_.hospitals[0] ? 0 : 1;
    const Act act{row.time.value, position_++, command.expires.value - row.time.value, 0, 0};
    if (command.actor == city_.hospitals[hospital]) numbers_[hospital][command.sequence] = row.time.value;
    if (command.contract == build::kRelationship) relationship(command, hospital, act);
    if (command.contract == build::kConsent) consent(command, act);
  }

  void relationship(const kernel::ReceivedCommand& command, std::size_t hospital, const Act& act) {
    contracts::relationship::Payload payload;
    CARELEDGER_ASSERT(payload.ParseFromString(command.payload));
    if (payload.has_propose()) {
      const AccountId id = kernel::account_id(payload.propose().authority(), payload.propose().nonce());
      Pseudonym& one = seen_[id];
      one.hospital = hospital;
      one.wallet = !payload.propose().held_in_trust();
      one.proposed = act;
      proposals_.emplace_back(id, command.sequence);
    }
    if (payload.has_accept()) {
      seen_[command.actor].accepted.push_back(act);
      ++seen_[command.actor].commands;
    }
  }

  void consent(const kernel::ReceivedCommand& command, Act act) {
    contracts::consent::Payload payload;
    CARELEDGER_ASSERT(payload.ParseFromString(command.payload));
    if (payload.has_grant()) {
      act.days = payload.grant().expires_day() - act.time / contracts::kDayMs;
      seen_[command.actor].granted.push_back(act);
    }
    ++seen_[command.actor].commands;
  }

  // Numbers are drawn in order: the neighbour's block tells when this one was drawn.
  void bracket(Pseudonym& one, std::uint64_t sequence) {
    const auto& numbers = numbers_[one.hospital];
    const auto at = numbers.find(sequence);
    one.proposed.bracket = at == numbers.begin() ? at->second : std::prev(at)->second;
  }

  const City& city_;
  Seen seen_;
  std::array<std::map<std::uint64_t, std::int64_t>, 2> numbers_;
  std::vector<std::pair<AccountId, std::uint64_t>> proposals_;
  std::int64_t position_ = 0;
};

}  // namespace

Seen observe(const City& city) { return Observer(city).run(); }

}  // namespace careledger::linkage
