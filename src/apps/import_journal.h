// What an import has taken, so that the same call goes on where it was broken off. A text file:
//
//   careledger-import 1 <32 hex digits, made when the file is>
//   <32 hex digits: of SHA-256(absolute path)>           one line for each source that is stored and of which nothing was refused
//
// A source that was sent and is not noted yet when the process ends is sent again, under the same Idempotency-Key: the node stores it once.
//
// One import at a time works with it: a lock on the file beside it, whose name ends with ".lock". It speaks of the one node that it was
// made with: after an older backup of that is restored, a journal would pass over what was lost.
//
// Thread-safety: key() and holds() from any thread, note() by one at a time.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "apps/file_lock.h"
#include "apps/import.h"
#include "base/files.h"

namespace careledger::apps {

class ImportJournal {
 public:
  // Makes the file durably when there is none; takes off what a crash left half written at its end. invalid when it is something else,
  // unavailable while another import works with it.
  // An empty path: nothing is kept, and nothing is held.
  static Result<ImportJournal> open(const std::string& path);

  bool holds(const std::string& source) const;
  // Not synced: what a power failure takes from the end is sent again.
  Result<void> note(const std::string& source);
  // Idempotency-Key of one request; empty when nothing is kept. Other contents are another request.
  std::string key(const ImportPiece& piece, std::size_t number) const;

 private:
  std::unique_ptr<FileLock> lock_;
  std::string id_;
  std::set<std::string> taken_;  // by an earlier run
  std::unique_ptr<File> file_;
};

}  // namespace careledger::apps
