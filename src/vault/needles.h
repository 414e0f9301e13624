// Looks for plain text where there must be none: every file below a folder, every byte, in every encoding a careless program might use.
// For tests, the demo and `careledger doctor`. Thread-safety: an object belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace careledger::vault {

struct NeedleHit {
  std::string file;
  std::uint64_t offset = 0;
  std::string encoding;    // "plain", "utf-16le", "utf-16be", "hex", "HEX", "base64+0", "base64+1", "base64+2"
  std::size_t needle = 0;  // position in the list given
};

class Needles {
 public:
  // Needles of at least 8 bytes; shorter ones are refused as invalid (they would hit by chance), equal ones are taken once.
  static Result<Needles> of(std::vector<std::string> needles);

  std::vector<NeedleHit> search(ByteView haystack, const std::string& name, std::size_t hits_max = 100) const;
  // Every regular file below, also those a program still writes. storage when one cannot be read.
  Result<std::vector<NeedleHit>> search_folder(const std::string& folder, std::size_t hits_max = 100) const;
  std::uint64_t bytes_searched() const { return bytes_; }
  // A needle in each encoding, one after the other, with junk between: plant it and the search must find as many as encodings().
  static Bytes planted(ByteView needle);
  static std::size_t encodings() { return 8; }

 private:
  struct Pattern {
    Bytes bytes;
    const char* encoding;
    std::size_t needle;
  };
  std::vector<Pattern> patterns_;
  std::vector<std::uint32_t> buckets_;  // by the first four bytes
  mutable std::uint64_t bytes_ = 0;
};

}  // namespace careledger::vault
