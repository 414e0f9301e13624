// Backups, as somebody brings them back: files of any bytes, and streams that are sealed under the right key around rows that no vault
// wrote. By the input's first byte. What does not read is refused and leaves nothing behind.
#include "scratch.h"
#include "vault/backup.h"
#include "vault/key_tree.h"
#include "vault/sealed_stream.h"

using namespace careledger;

namespace {

constexpr std::size_t kSummaryBytes = 32 + 4 + 24 + 8 + 8 + 8;  // the last frame of a data backup

struct Stand {
  fuzz::Scratch scratch;
  ManualClock clock;
  SeededEntropy entropy{7};
  OrganisationId organisation = *OrganisationId::from(Bytes(32, 'o'));
  std::unique_ptr<vault::Keystore> keys = vault::Keystore::in_memory(clock, entropy);  // of a vault on disk, whose key pages are there
  crypto::Secret key = *keys->symmetric(vault::Purpose::backup);

  Stand() { CARELEDGER_ASSERT(vault::KeyTree::open(scratch.path("vault/keys"), *keys, entropy).has_value()); }
};

Stand& stand() {
  static Stand made;
  return made;
}

// Verified, then brought back into a vault of its own in memory.
void take_back(const std::string& file) {
  Stand& s = stand();
  const auto verified = vault::verify_backup(file, s.organisation, *s.keys, s.scratch.path("vault"), s.entropy);
  const auto keys = vault::Keystore::in_memory(s.clock, s.entropy);
  CARELEDGER_ASSERT(keys->replace_symmetric(vault::Purpose::backup, s.key).has_value());
  vault::VaultOptions options;
  options.organisation = s.organisation;
  const auto restored = vault::restore_backup(file, options, *keys, s.clock, s.entropy);
  CARELEDGER_ASSERT(!restored || (verified && verified->sequence == restored->sequence));
}

void sealed(ByteView bytes) {
  Stand& s = stand();
  s.scratch.remove("sealed");
  auto out = vault::SealedWriter::create(s.scratch.path("sealed"), "careledger-backup", s.key, s.entropy);
  const std::size_t rows = bytes.size() - std::min(bytes.size(), kSummaryBytes);
  CARELEDGER_ASSERT(out && out->put(bytes.substr(0, rows)).has_value() && out->finish(bytes.substr(rows)).has_value());
  take_back(s.scratch.path("sealed"));
}

void keys(ByteView bytes) {
  Stand& s = stand();
  s.scratch.remove("restored");
  const std::string store = s.scratch.path("restored/keystore");
  CARELEDGER_ASSERT(system_files().make_folder(s.scratch.path("restored")).has_value());
  const auto restored = vault::restore_key_backup(s.scratch.with("keys", bytes), store, s.scratch.path("restored/vault"));
  CARELEDGER_ASSERT(restored.has_value() == system_files().exists(store));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: take_back(stand().scratch.with("raw", bytes)); break;
    case 1: sealed(bytes); break;
    case 2: keys(bytes); break;
    case 3: static_cast<void>(vault::verify_audit_backup(stand().scratch.with("audit", bytes), *stand().keys)); break;
  }
  return 0;
}
