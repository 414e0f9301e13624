// For the tests of codec/fhir: the example resources, whole when the optional data folder is there.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace careledger::codec::fhir::samples {

using Named = std::pair<std::string, Bytes>;  // name without .json, text

inline Bytes read_gzip(const std::filesystem::path& path) {
  Bytes all;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return all;
  char block[1 << 16];
  for (int got = gzread(file, block, sizeof block); got > 0; got = gzread(file, block, sizeof block)) {
    all.append(block, static_cast<std::size_t>(got));
  }
  gzclose(file);
  return all;
}

inline const std::filesystem::path& vectors() {
  static const std::filesystem::path path = std::filesystem::path(CARELEDGER_SOURCE_DIR) / "tests/vectors/fhir";
  return path;
}
inline const std::filesystem::path& optional_data() {
  static const std::filesystem::path path = std::filesystem::path(CARELEDGER_SOURCE_DIR) / "../shared/data";
  return path;
}

// The files of a tar archive: 512-byte headers with the name first and the size in octal at 124.
inline std::vector<Named> untar(const Bytes& archive) {
  std::vector<Named> files;
  for (std::size_t at = 0; at + 512 <= archive.size() && archive[at] != '\0';) {
    const auto size = static_cast<std::size_t>(std::stoull(archive.substr(at + 124, 11), nullptr, 8));
    const std::filesystem::path name(archive.substr(at, 100).c_str());
    if (name.extension() == ".json") files.emplace_back(name.stem(), archive.substr(at + 512, size));
    at += 512 + (size + 511) / 512 * 512;
  }
  return files;
}

inline std::vector<Named> lines(const Bytes& table) {
  std::vector<Named> rows;
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t tab = table.find('\t', at);
    const std::size_t end = table.find('\n', at);
    rows.emplace_back(table.substr(at, tab - at), table.substr(tab + 1, end - tab - 1));
    at = end + 1;
  }
  return rows;
}

// HL7's examples.
inline std::vector<Named> examples() {
  const auto archive = optional_data() / "fhir-r4/examples/r4-examples.tar.gz";
  const bool whole = std::filesystem::exists(archive);
  auto files = whole ? untar(read_gzip(archive)) : lines(read_gzip(vectors() / "r4-examples.tsv.gz"));
  std::printf("%zu HL7 examples from %s\n", files.size(), whole ? "../shared/data/fhir-r4/examples" : "tests/vectors/fhir");
  return files;
}

// Sanitizers make a walk through 300 MB take a minute: every ninth Bundle does then.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::size_t kBundleStep = 9;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr std::size_t kBundleStep = 9;
#else
inline constexpr std::size_t kBundleStep = 1;
#endif
#else
inline constexpr std::size_t kBundleStep = 1;
#endif

// Paths of Synthea's Bundles.
inline std::vector<std::filesystem::path> bundles() {
  std::vector<std::filesystem::path> paths;
  for (const char* folder : {"2019-self-contained", "2021-infrastructure", "2021-conditional-refs"}) {
    const auto place = optional_data() / "synthea" / folder;
    if (!std::filesystem::exists(place)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(place)) paths.push_back(entry.path());
  }
  const bool whole = !paths.empty();
  if (!whole) paths = {vectors() / "synthea-2019.json.gz", vectors() / "synthea-2021.json.gz"};
  std::sort(paths.begin(), paths.end());
  if (whole) {
    for (std::size_t i = 0; i * kBundleStep < paths.size(); ++i) std::swap(paths[i], paths[i * kBundleStep]);
    paths.resize((paths.size() + kBundleStep - 1) / kBundleStep);
  }
  std::printf("%zu Synthea Bundles from %s\n", paths.size(), whole ? "../shared/data/synthea" : "tests/vectors/fhir");
  return paths;
}

}  // namespace careledger::codec::fhir::samples
