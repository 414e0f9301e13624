// What everybody in a vault who sends commands needs for the ledger's answers. For src/vault alone.
#pragma once

#include <memory>
#include <mutex>

#include "kernel/contract.h"

namespace careledger::vault {

// The command itself was at fault (its number, its time): made anew, it may go.
bool wants_new_command(const kernel::Code& code);

// The way back of an answer to an owner who may be gone when it comes: shared between both. Safe from any thread.
template <class Owner>
class AnswerLink {
 public:
  explicit AnswerLink(Owner* owner) : owner_(owner) {}
  void cut() {  // returns when no answer is being handled; those that still come are nobody's
    const std::lock_guard lock(mutex_);
    owner_ = nullptr;
  }
  template <class Handle>
  void tell(Handle&& handle) {
    const std::lock_guard lock(mutex_);
    if (owner_ != nullptr) handle(*owner_);
  }

 private:
  std::mutex mutex_;
  Owner* owner_;
};

}  // namespace careledger::vault
