// Commitments on their way to the ledger. For src/vault alone; users see Vault::when_anchored.
//
// The outbox rows are written in the same batch as the versions they speak of, so nothing is forgotten by a crash. One thread groups
// everything that waits into one anchor, keeps the signed command in the store before it is sent, and sends it; while it is under way
// more gathers for the next. After a crash the very same bytes are sent again and get their first receipt.
//
// Thread-safety: safe from any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "ordering/ordering.h"
#include "vault/answers.h"
#include "vault/parts.h"
#include "vault/signer.h"

namespace careledger::vault {

class Outbox {
 public:
  explicit Outbox(VaultParts& parts) : parts_(parts) {}
  ~Outbox() { stop(); }

  Result<void> load();  // after the store was opened: where anchoring stands
  void start(ordering::Ordering& ordering, CommandSigner& signer);
  void stop();
  void wake();  // something was committed
  void when_anchored(std::uint64_t number, UniqueFunction<void(const AnchorState&)> done);
  void release_waiting();

  Result<AnchorState> state_of(std::uint64_t number) const;
  std::uint64_t waiting() const;  // versions without a final anchor
  std::uint64_t anchors() const;
  std::uint64_t refused() const;

 private:
  struct Flight {  // the anchor under way
    std::uint64_t first = 0;
    AnchorRow row;
    std::vector<Digest> supersedes;
  };

  void run();
  void receive(std::uint64_t sending, const ordering::Answer& answer);
  bool prepare(std::unique_lock<std::mutex>& lock);  // false when nothing waits
  Result<Flight> make_flight(std::uint64_t first, std::uint64_t end) const;
  Result<void> sign_and_keep(Flight& flight) const;
  void send();
  void judge(std::unique_lock<std::mutex>& lock, const ordering::Answer& answer);
  void land(std::unique_lock<std::mutex>& lock, const kernel::Receipt& receipt);
  void refuse(std::unique_lock<std::mutex>& lock, const std::string& why);
  void tell(std::unique_lock<std::mutex>& lock, std::uint64_t below, const AnchorState& state);

  VaultParts& parts_;
  ordering::Ordering* ordering_ = nullptr;
  CommandSigner* signer_ = nullptr;
  std::shared_ptr<AnswerLink<Outbox>> link_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::uint64_t anchored_ = 1;  // first number without a final anchor
  std::uint64_t count_ = 0;     // anchors that are final
  std::uint64_t refused_ = 0;
  std::uint64_t single_until_ = 0;  // below this number every version gets an anchor of its own
  bool drop_supersedes_ = false;    // for the next single one: the ledger has it already
  std::optional<Flight> flight_;
  std::optional<ordering::Answer> answer_;  // of the flight, for the thread to judge
  std::uint64_t sending_ = 0;
  std::uint64_t not_before_ns_ = 0;  // after a refusal or `busy`
  std::multimap<std::uint64_t, UniqueFunction<void(const AnchorState&)>> waiters_;
};

}  // namespace careledger::vault
