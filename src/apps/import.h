// Bringing records in: Bundles, NDJSON and folders of both, plain, gzip or zstd, through the FHIR interface of one organisation.
//
// Each Bundle is one transaction or batch; lines of NDJSON are put together into batches of updates. With a `journal` (import_journal.h)
// the same call goes on after an interruption and stores nothing twice. A source of which something was refused is not noted there: it is
// sent again, what is stored of it stays as it is, and what is refused is said again, or stored when it has been mended. (Lines that went
// in one batch with a mended one are then updated once more.)
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/node_access.h"

namespace careledger::apps {

struct ImportOptions {
  std::string organisation;
  std::vector<std::string> sources;  // files or folders; folders by name, without descending into hidden ones
  std::string journal;               // file, made when it is not there; empty: not resumable
  std::size_t connections = 2;
};

struct RefusedItem {
  std::string source;  // file, or file:line
  std::string why;     // the node's words: no patient data
};

struct ImportPiece {  // one request
  std::string source;
  Bytes body;
  std::vector<std::size_t> lines{};  // of NDJSON: where each entry stands; empty for a Bundle

  std::string place(std::size_t entry) const;  // as RefusedItem names it
};

struct ImportReport {
  std::size_t files = 0;
  std::size_t skipped = 0;      // files that earlier runs have stored, and of which nothing is refused
  std::uint64_t resources = 0;  // stored
  std::vector<RefusedItem> refused;
  double seconds = 0;
};

// Files in the order in which they will be sent: infrastructure before what refers to it.
Result<std::vector<std::string>> sources_of(const std::vector<std::string>& named);
bool is_infrastructure(const std::string& path);  // "hospitalInformation…", "practitionerInformation…"
bool holds_lines(const std::string& path);        // NDJSON, packed or not
// Unpacked text of one source; too_large above `bytes_max` of unpacked text.
Result<Bytes> read_source(const std::string& path, std::size_t bytes_max);
// Lines of resources become batches of updates. Lines that are none go to `refused`.
std::vector<ImportPiece> pieces_of_lines(const std::string& source, ByteView text, std::vector<RefusedItem>& refused);

// An error means that nothing more could be done; what single files were refused for stands in the report.
Result<ImportReport> import_records(NodeAccess& node, const ImportOptions& options,
                                    const std::function<void(std::size_t, std::size_t)>& progress);

}  // namespace careledger::apps
