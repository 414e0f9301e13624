// Raw rows of the state, as the kernel sees them: what the replica supplies, and the changes above them that are not yet committed.
//
// Not thread-safe; the replica runs one command at a time on one Rows.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "kernel/key.h"

namespace careledger::kernel {

// A row's bytes, or that there is no such row. Immutable and shared, so that handing one on copies no bytes: a row passes through several
// layers for every command that reads it. Safe from any thread.
class RowValue {
 public:
  RowValue() = default;  // absent
  explicit RowValue(Bytes bytes) : bytes_(std::make_shared<const Bytes>(std::move(bytes))) {}
  explicit operator bool() const { return bytes_ != nullptr; }
  ByteView operator*() const { return *bytes_; }  // only of a row that is there; lives as long as any copy of this value
  std::optional<ByteView> view() const { return bytes_ ? std::optional<ByteView>(*bytes_) : std::nullopt; }  // likewise
  friend bool operator==(const RowValue& a, const RowValue& b) {
    if (a.bytes_ == b.bytes_) return true;
    return a && b && *a == *b;
  }

 private:
  std::shared_ptr<const Bytes> bytes_;
};

// One consistent state. Absent is an empty RowValue, never an error: an implementation whose disk fails remembers the fault, answers
// absent, and its owner throws the whole execution away.
class Rows {
 public:
  using Entry = std::pair<Key, Bytes>;
  virtual ~Rows() = default;
  virtual RowValue read(const Key& key) const = 0;
  // Rows whose key starts with `prefix` (at least a space byte), ascending, at most `limit`.
  virtual std::vector<Entry> read_prefix(ByteView prefix, Limit limit) const = 0;
};

using Changes = std::map<Key, RowValue>;  // absent: the row is erased

// Changes above another state, which must outlive it. Reads see the changes; the state below is never touched.
class Overlay final : public Rows {
 public:
  explicit Overlay(const Rows& below) : below_(&below) {}
  RowValue read(const Key& key) const override;
  std::vector<Entry> read_prefix(ByteView prefix, Limit limit) const override;

  void put(const Key& key, Bytes value) { changes_.insert_or_assign(key, RowValue(std::move(value))); }
  void erase(const Key& key) { changes_.insert_or_assign(key, RowValue()); }
  void merge(Changes&& changes);  // later changes win
  const Changes& changes() const { return changes_; }
  Changes take() { return std::move(changes_); }
  const Rows& below() const { return *below_; }

 private:
  const Rows* below_;
  Changes changes_;
};

// Rows in memory: genesis, tests, the reference model.
class MemoryRows final : public Rows {
 public:
  RowValue read(const Key& key) const override;
  std::vector<Entry> read_prefix(ByteView prefix, Limit limit) const override;
  void apply(const Changes& changes);
  const std::map<Key, Bytes>& rows() const { return rows_; }

 private:
  std::map<Key, Bytes> rows_;
};

}  // namespace careledger::kernel
