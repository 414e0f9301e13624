#include "apps/demo/insider.h"

#include <filesystem>

#include "codec/json/json.h"
#include "contracts/governance/governance.h"
#include "kernel/canonical.h"
#include "ordering/abci/engine_home.h"
#include "replica/ledger_store.h"
#include "replica/newest_block.h"
#include "replica/packed_row.h"
#include "replica/state_tree.h"
#include "replica/stored_block.h"
#include "vault/insider.h"

namespace careledger::apps::demo {
namespace {

namespace fs = std::filesystem;
namespace json = codec::json;

Result<std::unique_ptr<vault::Keystore>> keys_of(const Layout& layout, const OrganisationConfig& organisation) {
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, {}, false, system_entropy()));
  return vault::Keystore::open(layout.organisation_keystore(organisation.slug), seal, system_clock(), system_entropy());
}

std::string audit_file_of(const Layout& layout, const OrganisationConfig& organisation) {
  return layout.audit(organisation.slug) + "/audit.log";
}

Result<void> edit_records(const Layout& layout, const OrganisationConfig& organisation, vault::Keystore& keys,
                          const std::string& observation, const std::string& patient) {
  vault::VaultOptions options;
  options.folder = layout.vault(organisation.slug);
  options.organisation = organisation.id;
  CARELEDGER_TRY(const auto vault, vault::Vault::open(options, keys, system_clock(), system_entropy()));
  CARELEDGER_TRY(const vault::Version version, vault->view().read("Observation", observation));
  CARELEDGER_TRY(json::Document body, json::parse(version.body));
  body.set(body.root(), "status", body.string("cancelled"));
  CARELEDGER_CHECK(vault::insider::replace_body(*vault, "Observation", observation, version.meta.version, json::compact(body.root())));
  return vault::insider::move_index_row(*vault, "Patient", "birthdate", patient, "another date");
}

// The first entry of a person becomes the act of another.
Result<std::uint64_t> edit_audit(const std::string& file, vault::Keystore& keys) {
  std::optional<std::uint64_t> edited;
  CARELEDGER_CHECK(vault::insider::rewrite_audit(file, keys, [&](std::uint64_t index, vault::AuditEntry& entry) {
    if (!edited && entry.actor.starts_with("Practitioner/")) {
      edited = index;
      entry.actor.back() = entry.actor.back() == '0' ? '1' : '0';
    }
    return true;
  }));
  if (!edited) return fail(ErrorKind::not_found, "no entry of a practitioner");
  return *edited;
}

Result<std::unique_ptr<storage::Store>> open_ledger(const Layout& layout) {
  replica::LedgerStoreOptions options;
  options.folder = layout.ledger();
  return replica::open_ledger_store(options);
}

// Another byte at the end of the first command's payload.
Result<Height> edit_block(const Layout& layout) {
  CARELEDGER_TRY(const auto store, open_ledger(layout));
  for (Height height{1};; height = next(height)) {
    CARELEDGER_TRY(const auto bytes, store->get(replica::columns::kBlocks, replica::block_key(height)));
    if (!bytes) return fail(ErrorKind::not_found, "no block holds a command");
    replica::BlockRow row;
    ledger::SignedBatch envelope;
    ledger::Batch batch;
    ledger::Command command;
    if (!replica::parse_row(row, *bytes) || row.batches_size() == 0 || !envelope.ParseFromString(row.batches(0)) ||
        !batch.ParseFromString(envelope.batch()) || !command.ParseFromString(batch.commands(0).command()) || command.payload().empty())
      continue;
    command.mutable_payload()->back() = static_cast<char>(command.payload().back() ^ 1);
    batch.mutable_commands(0)->set_command(kernel::encode(command));
    envelope.set_batch(kernel::encode(batch));
    row.set_batches(0, kernel::encode(envelope));
    storage::Batch change;
    change.put(replica::columns::kBlocks, replica::block_key(height), replica::pack_row(row.SerializeAsString()));
    CARELEDGER_CHECK(store->write(change, storage::Durability::synced));
    return height;
  }
}

}  // namespace

Result<void> copy_over(const std::string& from, const std::string& to) {
  std::error_code failed;
  fs::remove_all(to, failed);
  fs::copy(from, to, fs::copy_options::recursive, failed);
  if (failed) return fail(ErrorKind::storage, "cannot copy " + from + ": " + failed.message());
  return {};
}

Result<void> copy_node(const Layout& from, const Layout& to) {
  const ordering::abci::EnginePaths sockets(from.engine());  // of a process that has ended: what it left cannot be copied
  std::error_code failed;
  for (const std::string& one : {sockets.application, sockets.signer, sockets.rpc}) fs::remove(one, failed);
  CARELEDGER_CHECK(copy_over(from.folder, to.folder));
  return copy_over(from.default_key_file(), to.default_key_file());
}

Result<EditedRows> edit_rows(const Layout& layout, const OrganisationConfig& organisation, const std::string& observation,
                             const std::string& patient) {
  CARELEDGER_TRY(const auto keys, keys_of(layout, organisation));
  EditedRows edited;
  CARELEDGER_CHECK(edit_records(layout, organisation, *keys, observation, patient));
  edited.observation = "Observation/" + observation;
  edited.patient = "Patient/" + patient;
  CARELEDGER_TRY(edited.audit_entry, edit_audit(audit_file_of(layout, organisation), *keys));
  CARELEDGER_TRY(edited.block, edit_block(layout));
  return edited;
}

Result<void> edit_vote(const Layout& layout, const OrganisationConfig& member, std::uint64_t weight) {
  CARELEDGER_TRY(const auto store, open_ledger(layout));
  const kernel::Key key = contracts::governance::kMembers.key(member.id);
  CARELEDGER_TRY(const auto bytes, store->get(replica::columns::kState, key.view()));
  contracts::governance::Member row;
  if (!bytes || !row.ParseFromString(*bytes)) return fail(ErrorKind::not_found, "the state has no vote of " + member.name);
  row.set_weight(weight);
  storage::Batch change;
  change.put(replica::columns::kState, key.view(), kernel::encode(row));
  return store->write(change, storage::Durability::synced);
}

Result<void> replace_root(const Layout& layout) {
  CARELEDGER_TRY(const auto store, open_ledger(layout));
  const auto rows = store->snapshot();
  replica::Workers nobody(0);
  CARELEDGER_TRY(const replica::StateTree tree, replica::StateTree::build({rows.get(), replica::columns::kState}, nobody));
  CARELEDGER_TRY(const auto bytes, store->get(replica::columns::kMeta, replica::kTipKey));
  replica::Tip tip;
  if (!bytes || !tip.ParseFromString(*bytes)) return fail(ErrorKind::not_found, "the ledger has no record of its height");
  tip.set_state_root(tree.root().bytes());
  storage::Batch change;
  change.put(replica::columns::kMeta, replica::kTipKey, tip.SerializeAsString());
  return store->write(change, storage::Durability::synced);
}

Result<bool> ends_with_empty_block(const Layout& layout) {
  CARELEDGER_TRY(const auto store, open_ledger(layout));
  CARELEDGER_TRY(const auto heights, replica::stored_heights(*store));
  if (!heights) return fail(ErrorKind::not_found, "the ledger has no record of its height");
  CARELEDGER_TRY(const auto bytes, store->get(replica::columns::kBlocks, replica::block_key(heights->newest)));
  if (!bytes) return fail(ErrorKind::not_found, "the ledger has not its newest block");
  CARELEDGER_TRY(const replica::StoredBlock block, replica::decode_block_row(heights->newest, *bytes));
  return block.batches.empty() && block.misbehaviour.empty();
}

Result<void> leave_out_release(const Layout& layout, const OrganisationConfig& organisation) {
  CARELEDGER_TRY(const auto keys, keys_of(layout, organisation));
  const std::string file = audit_file_of(layout, organisation);
  std::optional<std::uint64_t> newest;
  CARELEDGER_CHECK(vault::insider::rewrite_audit(file, *keys, [&](std::uint64_t index, vault::AuditEntry& entry) {
    if (entry.kind == vault::AuditKind::release) newest = index;
    return true;
  }));
  if (!newest) return fail(ErrorKind::not_found, "no release was recorded");
  CARELEDGER_CHECK(vault::insider::rewrite_audit(file, *keys, [&](std::uint64_t index, vault::AuditEntry&) { return index != *newest; }));
  std::error_code failed;
  fs::remove_all(layout.audit(organisation.slug) + "/map", failed);
  vault::AuditOptions options;
  options.folder = layout.audit(organisation.slug);
  options.organisation = organisation.id;
  CARELEDGER_TRY(const auto audit, vault::AuditMap::open(options, *keys, system_files(), system_clock(), system_entropy()));
  for (int i = 0; i < 2; ++i) {  // the head on the ledger counts entries: one in place of what went, one to go on
    vault::AuditEntry filler;
    filler.kind = vault::AuditKind::check;
    CARELEDGER_CHECK(audit->append_and_wait(std::move(filler)));
  }
  return {};
}

}  // namespace careledger::apps::demo
