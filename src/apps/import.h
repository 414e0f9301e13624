// Bringing records in: Bundles, NDJSON and folders of both, plain, gzip or zstd, through the FHIR interface of one organisation.
//
// Each Bundle is one transaction or batch; lines of NDJSON are put together into batches of updates. What a run has taken is written to a
// journal beside the source's name in `journal`, so that the same call goes on after an interruption without taking anything twice.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/node_access.h"

namespace careledger::apps {

struct ImportOptions {
  std::string organisation;
  std::vector<std::string> sources;  // files or folders; folders by name, without descending into hidden ones
  std::string journal;               // file; empty: not resumable
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
  std::size_t skipped = 0;      // files that an earlier run took
  std::uint64_t resources = 0;  // stored
  std::vector<RefusedItem> refused;
  double seconds = 0;
};

// Files in the order in which they will be sent: infrastructure ("hospitalInformation", "practitionerInformation") before what refers to
// it.
Result<std::vector<std::string>> sources_of(const std::vector<std::string>& named);
// Unpacked text of one source; too_large above `bytes_max` of unpacked text.
Result<Bytes> read_source(const std::string& path, std::size_t bytes_max);
// Lines of resources become batches of updates, so that a second run changes nothing. Lines that are none go to `refused`.
std::vector<ImportPiece> pieces_of_lines(const std::string& source, ByteView text, std::vector<RefusedItem>& refused);

// An error means that nothing more could be done; what single files were refused for stands in the report.
Result<ImportReport> import_records(NodeAccess& node, const ImportOptions& options,
                                    const std::function<void(std::size_t, std::size_t)>& progress);

}  // namespace careledger::apps
