// The Merkle map of audit entries (rules of proof/merkle_map.h), kept so that an entry costs a few hashes however many there are.
//
// Keys are subject ‖ time ‖ number and time never goes back, so a subject's part of the map grows at its right edge alone: the edge (its
// *spine*), the way to the first leaf, and nothing else is kept for it. Above the subjects lies a binary tree in memory, rehashed along
// what changed. One thread changes it; reading at the same time is not allowed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "proof/merkle_map.h"
#include "vault/audit.h"

namespace careledger::vault {

// An inner node whose subtree changes no more.
struct TreeNode {
  std::uint32_t bit = 0;
  Digest left, right;
};
using NodeSink = std::function<void(const TreeNode&)>;

class Spine {  // of one subject
 public:
  // Keys ascend. `finished` gets every node that an entry of which there is one in kMarkEvery lies under, once it is finished: whoever
  // keeps them finds the way to any entry, and reads fewer than so many entries for it.
  static constexpr std::uint64_t kMarkEvery = 256;
  void add(ByteView key, const Digest& commitment, const NodeSink& finished = {});
  Digest root() const;
  std::uint64_t size() const { return size_; }
  const Bytes& first_key() const { return first_key_; }
  const Bytes& last_key() const { return last_key_; }
  proof::MapPath first() const;  // to root(), lowest step first
  proof::MapPath last() const;
  struct Way {
    Digest hash;                        // of the finished subtree that holds the key
    std::uint32_t bits = 0;             // the keys in it share so many first bits, and no other key does
    std::vector<proof::MapStep> steps;  // from there to root(), lowest step first
  };
  std::optional<Way> way_to(ByteView key) const;  // nullopt when there is no such key; may also give a way to where it would be
  Bytes encode() const;
  static std::optional<Spine> decode(const Subject& subject, ByteView bytes);

 private:
  struct Item {
    std::uint16_t bit = 0;  // where it splits from the item before it
    bool marked = false;    // one entry in kMarkEvery lies in it
    Digest hash;
  };
  void merge_top(const NodeSink& finished);
  void steps_above(std::size_t item, std::vector<proof::MapStep>& out) const;
  std::vector<Item> items_;                // bits ascend; the last one is the newest leaf
  std::vector<proof::MapStep> first_way_;  // inside items_.front()
  Bytes first_key_, last_key_;
  Digest first_value_, last_value_;
  std::uint64_t size_ = 0;
};

class AuditTree {
 public:
  void add(const Subject& subject, ByteView key, const Digest& commitment, const NodeSink& finished = {});
  void load(const Subject& subject, Spine spine);  // at start
  Digest root();                                   // rehashes what changed
  const Spine* find(const Subject& subject) const;
  std::size_t subjects() const { return spines_.size(); }

  // Where a part of a subject's list ends on either side, when there is more of it: the entry there, with its way to the subject's root().
  struct Neighbours {
    std::optional<proof::MapPath> after, before;
  };
  // The proof that `rows` are all the subject has, or all that it has between the neighbours. Call root() after the last change first.
  proof::MapCut prove(const Subject& subject, std::span<const proof::MapRow> rows, Neighbours beside = {}) const;

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
