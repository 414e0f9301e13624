// The writes of a Bundle in one transaction of the vault. For edge/fhir alone; one thread, one use.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <unordered_set>

#include "edge/fhir/bundle_entry.h"
#include "edge/fhir/resolver.h"
#include "edge/fhir/state.h"

namespace careledger::edge::fhir {

// What writing a set of entries came to.
struct Stored {
  Kept kept{};
  std::set<std::string> recorded{};            // whose lists say so already
  std::unordered_set<std::string> patients{};  // of whom the answer tells something, recorded or not
  std::unordered_set<std::string> named{};     // by the searches, patients of the vault or not
};

class BundleWriting {
 public:
  // Everything is borrowed; `call` is the request.
  BundleWriting(State& state, codec::json::Document& document, std::unique_ptr<vault::Transaction> transaction, const Call& call)
      : state_(state),
        document_(document),
        transaction_(std::move(transaction)),
        resolver_(transaction_->before(), state.parts.clock.now(), state.config.check_references, base_of(state, call.request),
                  call.principal) {}

  // All of a transaction's entries, those that only read left out, in the order that R4 wants. After a failure nothing of it may stay:
  // drop the object.
  Outcome<void> add_all(std::span<Entry> entries);

  // One entry of a batch; 409 (duplicate) when an earlier request with the Idempotency-Key of this one stored it. After a failure nothing
  // of this entry is staged, and others may follow.
  Outcome<void> add_alone(const Call& call, Entry& entry);
  bool has(const Entry& entry) const { return names_.contains(entry.type + '/' + entry.id); }  // changed here already
  std::size_t size() const { return names_.size(); }

  Outcome<void> once(const Call& call) { return edge::fhir::once(call, *transaction_); }  // of a transaction
  // `access` says what it was; whom it concerns and the commit are added here.
  Outcome<Stored> commit(const Call& call, Access access);

 private:
  Outcome<void> look(Entry& entry);  // conditions and versions
  Outcome<void> look_for_existing(Entry& entry);
  Outcome<void> check_version(Entry& entry);
  void announce(const Entry& entry);  // what others may refer to
  void add_aliases(const Entry& entry);
  Outcome<void> resolve(std::span<Entry> entries);
  Outcome<void> stage(Entry& entry);
  void note(Entry& entry, const vault::VersionMeta& meta);

  State& state_;
  codec::json::Document& document_;
  std::unique_ptr<vault::Transaction> transaction_;
  Resolver resolver_;
  Stored stored_;
  std::unordered_set<std::string> names_;  // staged
};

}  // namespace careledger::edge::fhir
