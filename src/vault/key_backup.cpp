#include "base/files.h"
#include "vault/backup.h"
#include "vault/parts.h"

namespace careledger::vault {
namespace {

constexpr ByteView kMagic = "careledger-key-backup";
constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kBytesMax = 512u << 20;

}  // namespace

// magic ‖ u16 format ‖ field(keystore file) ‖ u64 generation ‖ field(key pages). Both fields are sealed and authenticated by themselves.
Result<void> write_key_backup(Vault& vault, const std::string& keystore_path, const std::string& file) {
  const std::lock_guard turn(vault.parts().writer);  // no erasure between the two halves
  if (system_files().exists(file)) return fail(ErrorKind::conflict, file + " is there already: choose another name");
  CARELEDGER_TRY(const Bytes keystore, system_files().read_all(keystore_path, kBytesMax));
  CARELEDGER_TRY(const Bytes pages, vault.parts().tree->sealed_pages());
  Bytes out(kMagic);
  append_u16(out, kFormat);
  append_field(out, keystore);
  append_u64(out, vault.parts().tree->generation());
  append_field(out, pages);
  return system_files().replace(file, out);
}

Result<void> restore_key_backup(const std::string& file, const std::string& keystore_path, const std::string& vault_folder) {
  CARELEDGER_TRY(const Bytes bytes, system_files().read_all(file, kBytesMax));
  const auto damaged = [&] { return fail(ErrorKind::corrupt, file + " is no backup of keys, or is damaged"); };
  if (!ByteView(bytes).starts_with(kMagic)) return damaged();
  ByteView in = ByteView(bytes).substr(kMagic.size());
  const auto format = take_u16(in);
  if (format && *format > kFormat)
    return fail(ErrorKind::newer_format, file + " was written by a newer version of this program: run that version");
  const auto keystore = take_field(in);
  const auto generation = take_u64(in);
  const auto pages = take_field(in);
  if (!format || !keystore || !generation || !pages || !in.empty()) return damaged();
  const std::string folder = vault_folder + "/keys";
  const std::string pages_path = folder + "/keys." + std::to_string(*generation);
  if (system_files().exists(keystore_path))
    return fail(ErrorKind::conflict, "there is a keystore at " + keystore_path + " already: move it away first");
  if (system_files().exists(folder))
    return fail(ErrorKind::conflict, "there are key pages in " + folder + " already: move them away first");
  CARELEDGER_CHECK(system_files().make_folder(folder));
  CARELEDGER_CHECK(system_files().replace(pages_path, *pages));
  return system_files().replace(keystore_path, *keystore);
}

}  // namespace careledger::vault
