// The true history, signed again by whoever stole the keys.

#include <filesystem>

#include "apps/demo/insider.h"
#include "apps/ledger.h"
#include "contracts/all.h"
#include "contracts/build.h"
#include "contracts/consent/consent.pb.h"
#include "kernel/tables.h"
#include "ordering/local/chain_rows.h"
#include "ordering/local/chain_writer.h"
#include "replica/ledger_store.h"
#include "vault/insider.h"

namespace careledger::apps::demo {
namespace {

namespace local = ordering::local;

constexpr std::size_t kFoundingMax = 64 * 1024;

struct Chain {  // a ledger's store without an ordering that would go on by itself
  std::shared_ptr<storage::Store> store;
  std::unique_ptr<replica::Replica> replica;
};

Result<Chain> open_chain(const std::string& folder, const Bytes& founding) {
  Chain chain;
  replica::LedgerStoreOptions options;
  options.folder = folder;
  CARELEDGER_TRY(chain.store, replica::open_ledger_store(options));
  replica::Config config;
  config.founding = founding;
  CARELEDGER_TRY(chain.replica, replica::Replica::open(config, chain.store, contracts::all()));
  return chain;
}

struct Loot {  // what the thief took along
  const Config& config;
  const vault::Seal& seal;
  crypto::SigningKey validator;
};

struct Place {  // of one command
  Height block;
  std::size_t batch = 0;
  int command = 0;
};

bool is_withdrawal(const ledger::SignedCommand& signed_command) {
  ledger::Command command;
  contracts::consent::Payload payload;
  return command.ParseFromString(signed_command.command()) && command.contract() == contracts::build::kConsent.value &&
         payload.ParseFromString(command.payload()) && payload.has_revoke();
}

Result<Place> last_withdrawal(const replica::View& view) {
  for (Height height = view.height(); height.value > 0; --height.value) {
    CARELEDGER_TRY(const auto block, view.block(height));
    for (std::size_t i = 0; i < block->batches.size(); ++i) {
      ledger::SignedBatch envelope;
      ledger::Batch batch;
      if (!envelope.ParseFromString(block->batches[i]) || !batch.ParseFromString(envelope.batch())) continue;
      for (int c = 0; c < batch.commands_size(); ++c)
        if (is_withdrawal(batch.commands(c))) return Place{height, i, c};
    }
  }
  return fail(ErrorKind::not_found, "the history holds no withdrawal of a consent");
}

// The block's batches without the command; the batch that held it is signed again by its organisation's stolen key.
Result<std::vector<Bytes>> without(std::vector<Bytes> batches, const Place& place, const Layout& layout, const Config& config,
                                   const vault::Seal& seal) {
  ledger::SignedBatch envelope;
  ledger::Batch batch;
  if (!envelope.ParseFromString(batches[place.batch]) || !batch.ParseFromString(envelope.batch()))
    return fail(ErrorKind::corrupt, "a stored batch does not read");
  batch.mutable_commands()->DeleteSubrange(place.command, 1);
  if (batch.commands_size() == 0) {
    batches.erase(batches.begin() + static_cast<std::ptrdiff_t>(place.batch));
    return batches;
  }
  for (const OrganisationConfig& organisation : config.organisations) {
    if (organisation.id.view() != batch.organisation()) continue;
    CARELEDGER_TRY(const auto keys,
                   vault::Keystore::open(layout.organisation_keystore(organisation.slug), seal, system_clock(), system_entropy()));
    CARELEDGER_TRY(const crypto::SigningKey key, keys->signing(vault::Purpose::batch));
    const std::vector<ledger::SignedCommand> commands(batch.commands().begin(), batch.commands().end());
    const kernel::Signer signer{envelope.signatures(0).key(), &key};
    batches[place.batch] = kernel::encode(kernel::sign_batch(organisation.id, batch.sequence(), commands, signer));
  }
  return batches;
}

// What the organisations and the wallets remember lies on the same disk here: the thief takes it away. What lies elsewhere stays.
Result<void> forget_memories(const Layout& layout, const Config& config, const vault::Seal& seal) {
  for (const OrganisationConfig& organisation : config.organisations) {
    if (system_files().exists(layout.witness(organisation.slug)))
      CARELEDGER_CHECK(system_files().remove(layout.witness(organisation.slug)));
    CARELEDGER_TRY(const auto keys,
                   vault::Keystore::open(layout.organisation_keystore(organisation.slug), seal, system_clock(), system_entropy()));
    vault::VaultOptions options;
    options.folder = layout.vault(organisation.slug);
    options.organisation = organisation.id;
    CARELEDGER_TRY(const auto vault, vault::Vault::open(options, *keys, system_clock(), system_entropy()));
    CARELEDGER_CHECK(vault::insider::forget_cosigned(*vault));
  }
  return {};
}

// Every block at its own height and time, made, executed and signed like the first time.
Result<Rewritten> sign_again(const std::string& from, const Layout& layout, const Bytes& founding, Loot loot) {
  CARELEDGER_TRY(const Chain old_one, open_chain(from, founding));
  CARELEDGER_TRY(const Chain made, open_chain(layout.ledger(), founding));
  const replica::View history = old_one.replica->view();
  CARELEDGER_TRY(const Place place, last_withdrawal(history));
  const local::ChainMaker maker(kernel::chain_id(history.ledger()), kProtocol, std::move(loot.validator));
  CARELEDGER_TRY(local::Tip tip, local::read_tip(made.replica->view()));
  for (Height height{1}; height <= history.height(); height = next(height)) {
    CARELEDGER_TRY(const auto block, history.block(height));
    std::vector<Bytes> batches = block->batches;
    if (height == place.block) {
      CARELEDGER_TRY(batches, without(std::move(batches), place, layout, loot.config, loot.seal));
    }
    CARELEDGER_CHECK(local::add_block(*made.replica, maker, tip, std::move(batches), block->time));
  }
  return Rewritten{place.block, history.height().value, history.log_size(), made.replica->view().log_size()};
}

}  // namespace

Result<Rewritten> rewrite_history(const Layout& layout) {
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, {}, false, system_entropy()));
  CARELEDGER_TRY(const auto keys, vault::Keystore::open(layout.keystore(), seal, system_clock(), system_entropy()));
  CARELEDGER_TRY(crypto::SigningKey validator, keys->signing(vault::Purpose::validator));
  CARELEDGER_TRY(const Bytes founding, system_files().read_all(layout.founding(), kFoundingMax));
  const std::string old_folder = layout.folder + "/ledger.true";
  std::error_code failed;
  std::filesystem::rename(layout.ledger(), old_folder, failed);
  if (failed) return fail(ErrorKind::storage, "cannot move " + layout.ledger() + ": " + failed.message());
  CARELEDGER_TRY(const Rewritten done, sign_again(old_folder, layout, founding, {config, seal, std::move(validator)}));
  std::filesystem::remove_all(old_folder, failed);
  CARELEDGER_CHECK(forget_memories(layout, config, seal));
  if (done.commands + 1 != done.before) return fail(ErrorKind::invalid, "the other history lost more than one command");
  return done;
}

}  // namespace careledger::apps::demo
