// The end of an append-only file that a crash left behind: put aside, then cut.
#pragma once

#include <string>

#include "base/files.h"

namespace careledger {

// For an append that was broken off and that nobody was answered for: what stands in `file`, which lies at `path`, from `offset` on goes to
// PATH.torn (u64 offset ‖ u64 size ‖ bytes, for each cut), and once that is durable it is cut, durably as well. Returns how many bytes.
// After a failure the file is as it was, or cut. Whether it was a crash at all is for the caller to know.
Result<std::uint64_t> cut_torn_end(Files& files, const std::string& path, File& file, std::uint64_t offset);

}  // namespace careledger
