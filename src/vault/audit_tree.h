// The Merkle map of audit entries (rules of proof/merkle_map.h), kept so that an entry costs a few hashes however many there are.
//
// Keys are subject ‖ time ‖ number and time never goes back, so a subject's part of the map grows at its right edge alone: the edge (its
// *spine*), the way to the first leaf, and nothing else is kept for it. Above the subjects lies a binary tree in memory, rehashed along
// what changed. One thread changes it; reading at the same time is not allowed.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "proof/merkle_map.h"
#include "vault/audit.h"

namespace careledger::vault {

class Spine {  // of one subject
 public:
  void add(ByteView key, const Digest& commitment);  // keys ascend
  Digest root() const;
  std::uint64_t size() const { return size_; }
  const Bytes& first_key() const { return first_key_; }
  const Bytes& last_key() const { return last_key_; }
  proof::MapPath first() const;  // to root(), lowest step first
  proof::MapPath last() const;
  Bytes encode() const;
  static std::optional<Spine> decode(const Subject& subject, ByteView bytes);

 private:
  struct Item {
    std::uint32_t bit;  // where it splits from the item before it
    Digest hash;
  };
  void merge_top();
  std::vector<Item> items_;                // bits ascend; the last one is the newest leaf
  std::vector<proof::MapStep> first_way_;  // inside items_.front()
  Bytes first_key_, last_key_;
  Digest first_value_, last_value_;
  std::uint64_t size_ = 0;
};

class AuditTree {
 public:
  void add(const Subject& subject, ByteView key, const Digest& commitment);
  void load(const Subject& subject, Spine spine);  // at start
  Digest root();                                   // rehashes what changed
  const Spine* find(const Subject& subject) const;
  std::size_t subjects() const { return spines_.size(); }

  // The proof that `rows` are all the subject has. Call root() after the last change first.
  proof::MapCut prove(const Subject& subject, std::span<const proof::MapRow> rows) const;

 private:
  struct Node {
    std::uint32_t bit = 0;
    std::uint32_t child[2] = {0, 0};  // kLeaf set: index into leaves_
    Digest hash;
    bool dirty = true;
  };
  struct Leaf {
    Subject subject;
    Digest hash;
    Spine* spine = nullptr;
    bool dirty = true;
  };
  static constexpr std::uint32_t kLeaf = 1u << 31;

  void touch(const Subject& subject, Spine* spine);
  Digest hash_of(std::uint32_t at);
  proof::MapPath lifted(const Subject& subject, proof::MapPath path) const;

  std::map<Subject, Spine> spines_;
  std::vector<Node> nodes_;
  std::vector<Leaf> leaves_;
  std::optional<std::uint32_t> top_;
};

}  // namespace careledger::vault
