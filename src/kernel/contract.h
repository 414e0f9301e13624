// A contract decides and applies commands. It is pure: the same state, call and command give the same answer on every node, for ever.
// Nothing here is thread-safe; the replica runs one command at a time.
//
// `decide` gets a Reader and so cannot write; `apply` gets a Writer, is called only after ok, and cannot fail. The kernel keeps all of a
// command's changes or drops them all.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "kernel/canonical.h"
#include "kernel/key.h"
#include "kernel/misbehaviour.h"
#include "kernel/rows.h"

namespace careledger::kernel {

struct Call {                // all that a contract may know besides its command and its state
  Height height;             // of the block being executed
  BlockTime time;            // of that block; never a clock
  ProtocolVersion protocol;  // the rules in force at this height
  LedgerId ledger;
  AccountId actor;  // proven by signature; replay and expiry already judged
  Digest command;   // SHA-256 of the exact signed bytes
};

struct Code {  // what a receipt carries: 0 = ok, else the contract's own closed list (contract 0: the kernel's)
  ContractId contract;
  std::uint16_t number = 0;
  bool ok() const { return number == 0; }
  friend bool operator==(const Code&, const Code&) = default;
};

struct CodeName {
  std::uint16_t number;
  std::string_view name;
};

// What one command may touch. The numbers are part of the rules: beyond them it gets `limit_exceeded`, on every node alike.
struct Meter {
  static constexpr std::uint32_t kReadsMax = 8192;   // rows
  static constexpr std::uint32_t kWritesMax = 4096;  // rows
  static constexpr std::uint64_t kWrittenBytesMax = 1u << 20;
  std::uint32_t reads = 0;
  std::uint32_t writes = 0;
  std::uint64_t written_bytes = 0;
  bool within_limits() const { return reads <= kReadsMax && writes <= kWritesMax && written_bytes <= kWrittenBytesMax; }
};

class Reader {  // typed, metered reading of one consistent state; absent is nullopt, never an error
 public:
  explicit Reader(const Rows& rows, Meter* meter = nullptr) : rows_(&rows), meter_(meter) {}

  template <class Row, class... Ks>
  std::optional<Row> get(const Table<Row, Ks...>& table, const std::type_identity_t<Ks>&... key) const {
    if (meter_ != nullptr) meter_->reads += 1;
    const auto bytes = rows_->read(table.key(key...));
    if (!bytes) return std::nullopt;
    return parse<Row>(*bytes);
  }
  template <class Row, class... Ks>
  bool has(const Table<Row, Ks...>& table, const std::type_identity_t<Ks>&... key) const {
    if (meter_ != nullptr) meter_->reads += 1;
    return static_cast<bool>(rows_->read(table.key(key...)));
  }
  // Rows whose key starts with `prefix`, ascending. The limit is part of the rules: it bounds work on every node alike.
  template <class Row, class... Ks, class... Prefix>
    requires(sizeof...(Prefix) < sizeof...(Ks))
  std::vector<std::pair<Key, Row>> scan(const Table<Row, Ks...>& table, Limit limit, const Prefix&... prefix) const {
    Key start(table.space);
    (start.append(prefix), ...);
    std::vector<std::pair<Key, Row>> found;
    for (const auto& [key, bytes] : rows_->read_prefix(start.view(), limit)) found.emplace_back(key, parse<Row>(bytes));
    if (meter_ != nullptr) meter_->reads += static_cast<std::uint32_t>(found.size()) + 1;
    return found;
  }
  const Rows& rows() const { return *rows_; }

 protected:
  Meter* meter() const { return meter_; }

 private:
  template <class Row>
  static Row parse(ByteView bytes) {  // our own bytes: a row that does not parse is a bug or a broken disk
    Row row;
    CARELEDGER_ASSERT(row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    return row;
  }

  const Rows* rows_;
  Meter* meter_;
};

// What happened, for views; not part of the app hash. `body` is the contract's Event message: its oneof number is type and version.
struct Event {
  ContractId contract;
  Bytes body;
};

class Writer : public Reader {  // one command's changes
 public:
  Writer(Overlay& overlay, Meter& meter, ContractId contract, std::vector<Event>& events)
      : Reader(overlay, &meter), overlay_(&overlay), contract_(contract), events_(&events) {}

  template <class Row, class... Ks>
  void put(const Table<Row, Ks...>& table, const Row& row, const std::type_identity_t<Ks>&... key) {
    Bytes bytes = encode(row);
    count(bytes.size());
    overlay_->put(table.key(key...), std::move(bytes));
  }
  template <class Row, class... Ks>
  void erase(const Table<Row, Ks...>& table, const std::type_identity_t<Ks>&... key) {
    count(0);
    overlay_->erase(table.key(key...));
  }
  template <class EventMessage>
  void emit(const EventMessage& event) {
    events_->push_back({contract_, encode(event)});
  }

 private:
  void count(std::size_t bytes) {
    meter()->writes += 1;
    meter()->written_bytes += bytes;
  }

  Overlay* overlay_;
  ContractId contract_;
  std::vector<Event>* events_;
};

// A decoded command bound to its rules. A contract that runs in a virtual machine is another implementation of these two functions.
class Prepared {
 public:
  virtual ~Prepared() = default;
  virtual Code decide(const Call&, const Reader&) const = 0;  // the first code, in declared order, that holds
  virtual void apply(const Call&, Writer&) const = 0;         // only after ok
  // Adds keys of rows that deciding will ask for, so that those of many commands are fetched together. A hint, by which no result changes.
  virtual void foresee(const AccountId& /*actor*/, std::vector<Key>& /*keys*/) const {}
};

using RowBytes = std::optional<ByteView>;

struct Invariant {  // sees each changed row before and after; false discards the command with `invariant_broken`
  Space space;
  std::string_view name;
  // `state` is the one after the command.
  bool (*holds)(const Call&, const Key& key, RowBytes before, RowBytes after, const Reader& state);
};

struct DecodeError {};  // the payload is not canonical, or breaks its message's own shape

class Founding;

struct Contract {  // an immutable value; the registry is one constant array of these
  ContractId id;
  std::string_view name;
  ProtocolVersion since;
  Result<std::unique_ptr<const Prepared>, DecodeError> (*decode)(ByteView payload);  // canonical bytes only
  std::span<const Invariant> invariants;
  std::span<const CodeName> codes;  // every code with its name, ok first, in the order in which they win
  // The contract's rows of a ledger that begins; nullptr: none. The document is sound.
  void (*found)(const Founding&, Writer&) = nullptr;
  // What the contract writes down of a sound word about a validator in the block of this height, before that block's commands; nullptr:
  // nothing. Whom it is about need not be known here.
  void (*misbehaved)(const Misbehaviour&, Height block, Writer&) = nullptr;
};

}  // namespace careledger::kernel
