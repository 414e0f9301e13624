// The audit file: any bytes behind its header, and frames sealed under the right key around entries that nobody recorded. By the input's
// first byte. What opens is read the same again; a frame is cut only when it can be an append that was broken off.
#include "base/assert.h"
#include "vault/audit_file.h"

using namespace careledger;

namespace {

constexpr const char* kName = "audit.log";

struct Opened {
  std::unique_ptr<vault::AuditFile> file;
  std::vector<vault::OpenedEntry> entries;
};

// What there is of it, if it opens.
Opened open(Files& files) {
  static SeededEntropy entropy(7);
  static const crypto::Secret key = crypto::Secret::random(entropy, 32);
  Opened opened;
  auto file = vault::AuditFile::open(kName, files, key, {}, entropy, [&](vault::FilePlace place, vault::OpenedEntry entry) {
    CARELEDGER_ASSERT(place.index == opened.entries.size() && entry.recorded.index == place.index);
    opened.entries.push_back(std::move(entry));
  });
  if (file) opened.file = std::move(*file);
  return opened;
}

void behind_the_header(ByteView bytes) {
  const auto files = vault::memory_files();
  CARELEDGER_ASSERT(open(*files).file != nullptr);
  CARELEDGER_ASSERT((*files->open(kName, false))->append(bytes).has_value());
  const Opened opened = open(*files);
  CARELEDGER_ASSERT(opened.file == nullptr || (opened.entries.empty() && opened.file->torn_bytes() == bytes.size()));
}

// One append of two frames: what the input says, and what is left of it.
void sealed(ByteView bytes) {
  const auto files = vault::memory_files();
  {
    const Opened fresh = open(*files);
    const auto first = std::min<std::size_t>(bytes.size(), bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]));
    const vault::FilePlace before = fresh.file->begin_append();
    Bytes buffer;
    fresh.file->seal_next(bytes.substr(0, first), buffer);
    fresh.file->seal_next(bytes.substr(first), buffer);
    CARELEDGER_ASSERT(fresh.file->write(buffer, before).has_value());
  }
  const Opened once = open(*files);
  CARELEDGER_ASSERT(once.file != nullptr && once.entries.size() <= 2);
  const Opened twice = open(*files);
  CARELEDGER_ASSERT(twice.file != nullptr && twice.entries.size() == once.entries.size() && twice.file->torn_bytes() == 0);
  for (std::size_t i = 0; i < once.entries.size(); ++i)
    CARELEDGER_ASSERT(vault::entry_commitment(once.entries[i]) == once.entries[i].recorded.commitment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) behind_the_header(bytes);
  else sealed(bytes);
  return 0;
}
