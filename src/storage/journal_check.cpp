#include "storage/journal_check.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/files.h"
#include "storage/disk_layer.h"
#include "storage/manifest_watch.h"

namespace careledger::storage {
namespace {

constexpr std::size_t kBlockBytes = 32u << 10;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kNameMax = 64;
constexpr unsigned kFull = 1;
constexpr unsigned kFirst = 2;

using Table = std::array<std::uint32_t, 256>;

// CRC-32C (RFC 3720, appendix B.4), eight bytes a step.
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1u) != 0 ? 0x82F63B78u : 0u);
    tables[0][i] = value;
  }
  for (std::size_t t = 1; t < 8; ++t)
    for (std::size_t i = 0; i < 256; ++i) tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xFFu];
  return tables;
}
constexpr std::array<Table, 8> kTables = make_tables();

std::uint32_t byte_at(ByteView bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }
std::uint32_t little_u32(ByteView bytes, std::size_t at) {
  return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2) << 16 | byte_at(bytes, at + 3) << 24;
}

}  // namespace

std::uint32_t masked_crc32c(ByteView bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    const std::uint32_t low = crc ^ little_u32(bytes, at);
    const std::uint32_t high = little_u32(bytes, at + 4);
    crc = kTables[7][low & 0xFFu] ^ kTables[6][low >> 8 & 0xFFu] ^ kTables[5][low >> 16 & 0xFFu] ^ kTables[4][low >> 24] ^
          kTables[3][high & 0xFFu] ^ kTables[2][high >> 8 & 0xFFu] ^ kTables[1][high >> 16 & 0xFFu] ^ kTables[0][high >> 24];
  }
  for (; at < bytes.size(); ++at) crc = (crc >> 8) ^ kTables[0][(crc ^ byte_at(bytes, at)) & 0xFFu];
  crc ^= 0xFFFFFFFFu;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

namespace {

// Over all journals in order: the first broken record, and whether a whole one starts after it.
struct Scan {
  struct Place {
    std::string path;
    std::uint64_t offset;
  };
  std::optional<Place> broken;
  bool whole_after = false;
};

// Whether a whole record that starts something begins anywhere behind `at`. A broken record does not say where the next one is.
bool whole_behind(ByteView block, std::size_t at) {
  while (++at + kHeaderBytes <= block.size()) {
    const std::size_t length = byte_at(block, at + 4) | byte_at(block, at + 5) << 8;
    const unsigned type = byte_at(block, at + 6);
    if ((type != kFull && type != kFirst) || at + kHeaderBytes + length > block.size()) continue;
    if (masked_crc32c(block.substr(at + 6, length + 1)) == little_u32(block, at)) return true;
  }
  return false;
}

void scan_block(ByteView block, const std::string& path, std::uint64_t offset, Scan& scan) {
  std::size_t at = 0;
  while (at + kHeaderBytes <= block.size()) {
    const std::size_t length = byte_at(block, at + 4) | byte_at(block, at + 5) << 8;
    const unsigned type = byte_at(block, at + 6);
    const bool fits = at + kHeaderBytes + length <= block.size();
    const bool whole = fits && type != 0 && masked_crc32c(block.substr(at + 6, length + 1)) == little_u32(block, at);
    if (!whole && !scan.broken) scan.broken = {path, offset + at};
    if (whole && scan.broken && (type == kFull || type == kFirst)) scan.whole_after = true;
    if (!whole) {
      scan.whole_after = scan.whole_after || whole_behind(block, at);
      return;
    }
    at += kHeaderBytes + length;
  }
  // A tail shorter than a header fills the block with zeros, or is torn.
  if (at < block.size() && block.size() < kBlockBytes && !scan.broken) scan.broken = {path, offset + at};
}

Result<void> scan_journal(rocksdb::FileSystem& files, const std::string& folder, const std::string& name, Scan& scan) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  const std::string path = folder + "/" + name;
  const rocksdb::IOStatus opened = files.NewSequentialFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (!opened.ok()) return tl::make_unexpected(error_of(opened, folder));
  std::vector<char> scratch(kBlockBytes);
  for (std::uint64_t offset = 0; !scan.whole_after;) {
    rocksdb::Slice got;
    const rocksdb::IOStatus read = file->Read(kBlockBytes, rocksdb::IOOptions(), &got, scratch.data(), nullptr);
    if (!read.ok()) return tl::make_unexpected(error_of(read, folder));
    if (got.empty()) break;
    scan_block({got.data(), got.size()}, path, offset, scan);
    offset += got.size();
  }
  return {};
}

Result<void> cut_off(const DiskLayer& disk, const Scan::Place& from) {
  CARELEDGER_TRY(const auto torn, system_files().open(from.path, false));
  CARELEDGER_CHECK(torn->truncate(disk.header_bytes() + from.offset));
  return torn->sync();
}

}  // namespace

Result<void> check_journals(DiskLayer& disk, const std::string& folder, TornEnd torn) {
  rocksdb::FileSystem& files = *disk.file_system();
  std::vector<std::string> names;
  const rocksdb::IOStatus listed = files.GetChildren(folder, rocksdb::IOOptions(), &names, nullptr);
  if (listed.IsNotFound() || listed.IsPathNotFound()) return {};
  if (!listed.ok()) return tl::make_unexpected(error_of(listed, folder));
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".log"); });
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {  // by number
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  Scan scan;
  for (const std::string& name : names) CARELEDGER_CHECK(scan_journal(files, folder, name, scan));
  if (!scan.broken) return {};
  if (scan.whole_after)
    return fail(ErrorKind::corrupt, scan.broken->path + " is damaged at byte " + std::to_string(scan.broken->offset) +
                                        ", before writes that were acknowledged: restore from a backup");
  return torn == TornEnd::cut ? cut_off(disk, *scan.broken) : Result<void>();
}

std::optional<Bytes> read_small(rocksdb::FileSystem& files, const std::string& path, std::size_t most) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  Bytes scratch(most, '\0');
  rocksdb::Slice got;
  if (!files.NewSequentialFile(path, rocksdb::FileOptions(), &file, nullptr).ok()) return std::nullopt;
  if (!file->Read(most, rocksdb::IOOptions(), &got, scratch.data(), nullptr).ok()) return std::nullopt;
  return Bytes(got.data(), got.size());
}

Result<void> check_manifest(DiskLayer& disk, const std::string& folder, TornEnd torn) {
  rocksdb::FileSystem& files = *disk.file_system();
  auto name = read_small(files, folder + "/CURRENT", kNameMax);
  if (!name || !name->starts_with("MANIFEST-") || !name->ends_with('\n')) return {};  // RocksDB says what is wrong with it
  name->pop_back();
  if (!files.FileExists(folder + "/" + *name, rocksdb::IOOptions(), nullptr).ok()) return {};
  Scan scan;
  CARELEDGER_CHECK(scan_journal(files, folder, *name, scan));
  if (!scan.broken) return {};
  const auto synced = synced_manifest(files, folder);
  if (!synced || synced->name != *name || scan.broken->offset < synced->size)
    return fail(ErrorKind::corrupt,
                scan.broken->path + " is damaged at byte " + std::to_string(scan.broken->offset) + ": restore from a backup");
  return torn == TornEnd::cut ? cut_off(disk, *scan.broken) : Result<void>();
}

}  // namespace careledger::storage
