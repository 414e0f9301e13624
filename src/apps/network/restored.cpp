#include "apps/network/restored.h"

#include <algorithm>
#include <future>

#include "apps/act_record.h"
#include "apps/ledger_check.h"
#include "apps/node.h"
#include "kernel/tables.h"
#include "ordering/abci/signer.h"

namespace careledger::apps::network {
namespace {

using ordering::abci::Signer;

constexpr std::int64_t kClocksApart = 10'000;  // milliseconds: what light clients allow as well
constexpr std::uint64_t kAtOnce = 8192;

Result<void> make_silent(const Layout& layout, const Config& config, BlockTime signed_until) {
  return Signer::create_silent(system_files(), layout.signed_steps(), kernel::chain_id(config.ledger), {signed_until.value + kClocksApart});
}

vault::AuditEntry lost_entry() {
  vault::AuditEntry entry;
  entry.kind = vault::AuditKind::restore;
  entry.outcome = vault::AuditOutcome::failed;
  entry.actor = "Device/command-line";
  entry.role = "administrator";
  entry.details = R"({"lost":"an access that a head on the ledger covers, and that the backup does not hold"})";
  return entry;
}

Result<void> append_lost(vault::AuditMap& audit, std::uint64_t count) {
  CARELEDGER_TRY(auto places, audit.reserve(count));
  std::promise<Result<void>> done;
  audit.append(std::vector<vault::AuditEntry>(count, lost_entry()), std::move(places),
               [&done](const Result<void>& recorded) { done.set_value(recorded); });
  return done.get_future().get();
}

// The map has as many entries as the newest head covers, so that its next head can follow on that one; and one that tells of the restore.
Result<std::uint64_t> name_lost(const Layout& layout, const OrganisationConfig& organisation, Ledger& ledger, const vault::Seal& seal,
                                Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const auto head, access_head(ledger, organisation.id));
  CARELEDGER_TRY(const auto keys, vault::Keystore::open(layout.organisation_keystore(organisation.slug), seal, clock, entropy));
  vault::AuditOptions options;
  options.folder = layout.audit(organisation.slug);
  options.organisation = organisation.id;
  CARELEDGER_TRY(const auto audit, vault::AuditMap::open(options, *keys, system_files(), clock, entropy));
  const std::uint64_t held = audit->size();
  const std::uint64_t covered = head ? head->size() : 0;
  while (audit->size() < covered) CARELEDGER_CHECK(append_lost(*audit, std::min(kAtOnce, covered - audit->size())));
  const std::uint64_t lost = audit->size() - held;
  CARELEDGER_CHECK(record_act(*audit, vault::AuditKind::restore, act_details("lost_accesses", std::to_string(lost))));
  return lost;
}

}  // namespace

Result<void> begin_silent(const Layout& layout, const Config& config, const std::string& backup, BlockTime signed_until) {
  CARELEDGER_CHECK(system_files().replace(layout.restoring(), backup));  // from now on nothing but a restore opens the folder
  return make_silent(layout, config, signed_until);
}

Result<std::uint64_t> come_back(const Layout& layout, const JoinOrder& order, Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  if (!system_files().exists(layout.signed_steps()))
    CARELEDGER_CHECK(make_silent(layout, config, clock.now()));  // it was killed just before
  CARELEDGER_TRY(const auto until, Signer::silent_until(system_files(), layout.signed_steps()));
  CARELEDGER_CHECK(await_block_after(layout, until.value_or(BlockTime{}), order, clock, entropy));
  CARELEDGER_TRY(const auto lock, lock_folder(layout));
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, order.seal, false, entropy));
  CARELEDGER_TRY(const auto keys, vault::Keystore::open(layout.keystore(), seal, clock, entropy));
  CARELEDGER_TRY(Bytes founding, own_founding(layout, config.ledger));
  CARELEDGER_TRY(const auto ledger, Ledger::open_at_rest(layout, std::move(founding), *keys, clock));
  std::uint64_t lost = 0;
  for (const OrganisationConfig& organisation : config.organisations) {
    CARELEDGER_TRY(const std::uint64_t of_one, name_lost(layout, organisation, *ledger, seal, clock, entropy));
    lost += of_one;
  }
  ledger->stop();
  CARELEDGER_CHECK(system_files().remove(layout.restoring()));
  return lost;
}

}  // namespace careledger::apps::network
