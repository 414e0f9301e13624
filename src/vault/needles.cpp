#include "vault/needles.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <tuple>

namespace careledger::vault {
namespace {

constexpr std::size_t kNeedleMin = 8;
constexpr std::size_t kChunk = 1u << 20;
constexpr std::uint32_t kNothing = UINT32_MAX;
constexpr std::size_t kBuckets = 1u << 16;

Bytes wide(ByteView text, bool big_endian) {  // of bytes below 128; others are found by the plain search alone
  Bytes out;
  for (const char c : text) {
    if (big_endian) out.push_back('\0');
    out.push_back(c);
    if (!big_endian) out.push_back('\0');
  }
  return out;
}

Bytes upper(Bytes text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// The characters of base64 that depend on the needle alone, when it begins `offset` bytes into a group of three.
Bytes base64_at(ByteView needle, std::size_t offset) {
  const Bytes padded = Bytes(offset, 'x').append(needle);
  const std::string text = to_base64(padded);
  const std::size_t first = (offset * 8 + 5) / 6;
  const std::size_t last = padded.size() * 8 / 6;
  return text.substr(first, last - first);
}

std::array<std::pair<Bytes, const char*>, 8> forms(ByteView needle) {
  return {{{Bytes(needle), "plain"},
           {wide(needle, false), "utf-16le"},
           {wide(needle, true), "utf-16be"},
           {to_hex(needle), "hex"},
           {upper(to_hex(needle)), "HEX"},
           {base64_at(needle, 0), "base64+0"},
           {base64_at(needle, 1), "base64+1"},
           {base64_at(needle, 2), "base64+2"}}};
}

std::size_t bucket_of(const char* at) {  // of four bytes
  std::uint32_t word;
  std::memcpy(&word, at, 4);
  return (word * 2654435761u) >> 16;
}

}  // namespace

Result<Needles> Needles::of(std::vector<std::string> needles) {
  Needles made;
  std::vector<std::size_t> order(needles.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return std::tie(needles[a], a) < std::tie(needles[b], b); });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string& needle = needles[order[i]];
    if (i > 0 && needle == needles[order[i - 1]]) continue;
    if (needle.size() < kNeedleMin) return fail(ErrorKind::invalid, "a needle has at least 8 bytes");
    for (auto& [bytes, encoding] : forms(needle)) made.patterns_.push_back({std::move(bytes), encoding, order[i]});
  }
  std::sort(made.patterns_.begin(), made.patterns_.end(), [](const Pattern& a, const Pattern& b) {
    const std::size_t left = bucket_of(a.bytes.data());
    const std::size_t right = bucket_of(b.bytes.data());
    return std::tie(left, a.needle, a.bytes) < std::tie(right, b.needle, b.bytes);
  });
  made.buckets_.assign(kBuckets + 1, kNothing);
  for (std::size_t i = made.patterns_.size(); i-- > 0;)
    made.buckets_[bucket_of(made.patterns_[i].bytes.data())] = static_cast<std::uint32_t>(i);
  return made;
}

std::vector<NeedleHit> Needles::search(ByteView haystack, const std::string& name, std::size_t hits_max) const {
  std::vector<NeedleHit> hits;
  bytes_ += haystack.size();
  for (std::size_t at = 0; at + 4 <= haystack.size() && hits.size() < hits_max; ++at) {
    const std::size_t bucket = bucket_of(haystack.data() + at);
    for (std::size_t i = buckets_[bucket]; i < patterns_.size() && bucket_of(patterns_[i].bytes.data()) == bucket; ++i) {
      const Pattern& pattern = patterns_[i];
      if (haystack.substr(at).starts_with(pattern.bytes)) hits.push_back({name, at, pattern.encoding, pattern.needle});
    }
  }
  return hits;
}

Result<std::vector<NeedleHit>> Needles::search_folder(const std::string& folder, std::size_t hits_max) const {
  std::size_t overlap = 0;
  for (const Pattern& pattern : patterns_) overlap = std::max(overlap, pattern.bytes.size());
  std::vector<NeedleHit> hits;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end && hits.size() < hits_max;
       it.increment(error)) {
    if (!it->is_regular_file(error)) continue;
    const std::string path = it->path().string();
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) continue;  // gone since it was listed
    if (fd < 0) return fail(ErrorKind::storage, path + ": " + std::strerror(errno));
    Bytes window;
    std::uint64_t start = 0;  // of window, in the file
    for (Bytes chunk(kChunk, '\0');;) {
      const ssize_t got = ::read(fd, chunk.data(), chunk.size());
      if (got <= 0) break;
      window.append(chunk, 0, static_cast<std::size_t>(got));
      for (NeedleHit& hit : search(window, path, hits_max - hits.size())) {
        hit.offset += start;
        if (hits.empty() || hits.back().file != path || std::none_of(hits.begin(), hits.end(), [&](const NeedleHit& known) {
              return known.file == path && known.offset == hit.offset && known.encoding == hit.encoding && known.needle == hit.needle;
            })) {
          hits.push_back(std::move(hit));
        }
      }
      const std::size_t keep = std::min(window.size(), overlap);
      start += window.size() - keep;
      window.erase(0, window.size() - keep);
    }
    ::close(fd);
  }
  if (error) return fail(ErrorKind::storage, folder + ": " + error.message());
  return hits;
}

Bytes Needles::planted(ByteView needle) {
  Bytes out;
  for (const auto& [bytes, encoding] : forms(needle)) out.append("\x01~~~~~~\x02").append(bytes);
  return out;
}

}  // namespace careledger::vault
