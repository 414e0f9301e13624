#include "vault/anchored.h"

#include "kernel/command.h"
#include "vault/parts.h"

namespace careledger::vault {

Result<std::set<Digest>> anchor_commands(Vault& vault) {
  std::set<Digest> commands;
  const auto rows = vault.parts().store->iterate(kAnchorsColumn, storage::Range::all());
  for (rows->seek_first(); rows->valid(); rows->next()) {
    const auto row = decode_anchor_row(rows->value());
    if (!row) return corrupt_row("anchors", rows->key());
    commands.insert(kernel::receive_bytes(row->signed_command).digest);
  }
  CARELEDGER_CHECK(rows->status());
  return commands;
}

}  // namespace careledger::vault
