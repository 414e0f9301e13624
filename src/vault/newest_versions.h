// Which version of a record is its newest, of the records read lately: a read costs a look here and not a search through the store. For
// src/vault alone. Safe from any thread.
//
// Whoever looks into the store takes the moment before and keeps what it found with it; whoever has written versions forgets their names
// after the write and before a reader may see them. So what is kept is the newest there is, or newer than what its reader may see.
#pragma once

#include "base/recent.h"
#include "vault/layout.h"

namespace careledger::vault {

struct StoredVersion {  // one row of the versions column, with its name
  std::uint32_t version = 0;
  VersionRow row;
};

class NewestVersions {
 public:
  using Moment = std::uint64_t;

  std::optional<StoredVersion> find(const Bytes& name) { return kept_.find(name); }  // `name`: resource_prefix()
  Moment moment() const {
    const std::lock_guard lock(mutex_);
    return moment_;
  }
  void keep(const Bytes& name, const StoredVersion& newest, Moment found_at) {  // nothing, when something was written since
    const std::lock_guard lock(mutex_);
    if (moment_ == found_at) kept_.keep(name, newest);
  }
  template <class Names>  // of pairs of type and id
  void forget(const Names& names) {
    const std::lock_guard lock(mutex_);
    ++moment_;
    for (const auto& [type, id] : names) kept_.forget(resource_prefix(type, id));
  }
  void forget_all() {
    const std::lock_guard lock(mutex_);
    ++moment_;
    kept_.clear();
  }

 private:
  static constexpr std::size_t kKept = 16'384;  // about 200 bytes each
  mutable std::mutex mutex_;
  Moment moment_ = 0;
  Recent<Bytes, StoredVersion, std::hash<Bytes>> kept_{kKept};
};

}  // namespace careledger::vault
