// Bringing a data folder of an older format to this program's, one step a format (docs/formats/README.md).
//
// The format of a folder is the "format" of its careledger.json: everything that serves or repairs a folder reads that first, refuses a
// newer one naming both numbers, and sends whoever has an older one here. Stores carry numbers of their own beside it.
#pragma once

#include "base/files.h"
#include "base/result.h"

namespace careledger::apps {

struct Upgraded {
  std::int64_t from = 0;
  std::int64_t to = 0;  // the same when there was nothing to do
};

// Each step is whole or not at all, so that a crash leaves an older format to upgrade again. newer_format, corrupt, storage. Nobody else
// may work on the folder.
Result<Upgraded> upgrade_config(Files& files, const std::string& path);

}  // namespace careledger::apps
