// The file by which an embedded ledger's owner hands its state to those who come: ordering/grown.h with the pieces of the snapshot behind
// it.
//
//   "careledger-grown/1\n", u32 size, Grown; then of each piece u32 size, piece
//
// Nothing in it is believed for standing in it: headers are signed, each piece proves itself against the seal.
//
// Thread-safety: one thread a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/layout.h"
#include "apps/network/description.h"
#include "apps/network/sized_parts.h"
#include "base/files.h"
#include "ordering/grown.h"
#include "replica/snapshot.h"

namespace careledger::apps::network {

// Whole and durable when it returns well; written anew when it was there.
Result<void> write_grown_file(Files& files, const std::string& path, ByteView grown, const replica::SnapshotReader& state);

class GrownFile {
 public:
  // not_found; malformed, newer_format, invalid as ordering::decode_grown(), with the path before what is wrong.
  static Result<GrownFile> open(Files& files, const std::string& path);
  const Bytes& bytes() const { return bytes_; }  // of the Grown
  const ordering::Grown& grown() const { return grown_; }
  Result<std::optional<Bytes>> next_piece();  // nullopt after the last; malformed: cut off, or larger than a piece

 private:
  explicit GrownFile(SizedParts parts) : parts_(std::move(parts)) {}
  SizedParts parts_;
  Bytes bytes_;
  ordering::Grown grown_;
};

// Those who came, by their descriptions in it. invalid: they are not those whom its last command admitted, but for how long they consented,
// which a newer description of the same member tells otherwise.
Result<std::vector<Description>> entrants_of(const ordering::Grown& grown);

// precondition when `time`, of `what`, is more than a minute ahead of `now`: the engines of all members would wait for it before their
// network's first block.
Result<void> check_come(const std::string& what, BlockTime time, BlockTime now);

// What a member that grew, or came when the ledger grew, keeps of it (DIR/grown.pb); not_found says what to do.
Result<ordering::Grown> kept_grown(const Layout& layout);

// In lines, for people and for comparing: DIR/founding.txt.
std::string grown_text(ByteView grown, const ordering::Grown& parts);

}  // namespace careledger::apps::network
