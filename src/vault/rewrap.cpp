#include "vault/rewrap.h"

#include "base/files.h"
#include "storage/encrypted_files.h"
#include "vault/key_tree.h"

namespace careledger::vault {

Result<void> rewrap(const SealedFolders& folders, Keystore& keys, Entropy& entropy) {
  CARELEDGER_CHECK(finish_rewrap(folders, keys, entropy));
  CARELEDGER_TRY(const auto tree, KeyTree::open(folders.vault + "/keys", keys, entropy));
  CARELEDGER_CHECK(tree->rotate());
  CARELEDGER_CHECK(keys.symmetric(Purpose::files));            // there is one to follow
  CARELEDGER_CHECK(keys.symmetric(Purpose::files, kNextKey));  // from here on it is begun
  return finish_rewrap(folders, keys, entropy);
}

Result<void> finish_rewrap(const SealedFolders& folders, Keystore& keys, Entropy& entropy) {
  if (!keys.holds(Purpose::files, kNextKey)) return {};
  CARELEDGER_TRY(const crypto::Secret old_root, keys.symmetric(Purpose::files));
  CARELEDGER_TRY(const crypto::Secret new_root, keys.symmetric(Purpose::files, kNextKey));
  for (const std::string& store : {folders.vault + "/store", folders.audit + "/map"})
    if (system_files().exists(store)) CARELEDGER_CHECK(storage::rewrap_encrypted_files(store, old_root, new_root, entropy));
  return keys.promote(Purpose::files);
}

}  // namespace careledger::vault
