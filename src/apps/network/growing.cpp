#include <algorithm>
#include <filesystem>

#include "apps/network/founding.h"
#include "apps/network/grown_file.h"
#include "apps/network/old_chain.h"
#include "apps/node.h"
#include "contracts/all.h"
#include "contracts/governance/governance.h"
#include "contracts/registry/registry.h"
#include "kernel/canonical.h"
#include "kernel/shares.h"
#include "kernel/tables.h"
#include "ordering/abci/engine_home.h"
#include "ordering/abci/signer.h"
#include "ordering/growth.h"
#include "replica/ledger_store.h"
#include "replica/newest_block.h"

namespace careledger::apps::network {
namespace {

namespace governance = contracts::governance;

tl::unexpected<Error> untrue(const std::string& what) {
  return fail(ErrorKind::invalid, "the grown ledger's state is not what its file says: " + what);
}

Result<void> remove_ledger(const Layout& layout) {
  std::error_code failed;
  std::filesystem::remove_all(layout.ledger(), failed);
  if (failed) return fail(ErrorKind::storage, layout.ledger() + " cannot be removed: " + failed.message());
  return {};
}

// Its rows prove themselves against the seal; what they are is the owner's word, and these rules hold for every network.
Result<void> check_state(const replica::View& view, const ordering::Grown& grown, const Description& own) {
  const auto growth = ordering::growth_of(view);
  if (!growth || ordering::seal_height(*growth) != grown.seal_height()) return untrue("it did not grow at the block before the seal");
  if (growth->header_hash() != proof::hash_of(grown.headers.front().header) || growth->log_size() + 1 != view.log_size())
    return untrue("it names another chain before it");
  // The founder signed the log's root before that command: so all that was ever logged is what it was for him.
  const governance::Grow last = ordering::last_command(grown);
  const auto log = view.log_at(last.log_size());
  if (!log) return tl::make_unexpected(log.error());
  if (growth->log_size() != last.log_size() || growth->log_root() != last.log_root() || log->root().view() != last.log_root())
    return untrue("its log before the last command is another");
  const proof::ValidatorSet voters = ordering::voters(view);
  if (proof::hash_of(voters) != proof::hash_of(grown.successors)) return untrue("others have a vote in it");
  kernel::Shares shares;
  for (const auto& [key, row] : view.state().scan(governance::kMembers, Limit{governance::kMembersMax}))
    shares.add(key.view(), row.group(), view.state().has(kernel::kValidators, key.digest<AccountId>()) ? row.weight() : 0);
  if (!shares.capped()) return untrue("one organisation, or one group of them, has a third of all votes");
  kernel::Founding founding;
  CARELEDGER_ASSERT(kernel::parse_canonical(grown.founding, founding));  // decode_grown has looked
  const auto founder = view.state().get(kernel::kAccounts, kernel::account_id(founding.founder(), founding.founder_nonce()));
  if (!founder || founder->status() != static_cast<std::uint32_t>(kernel::AccountStatus::ended)) return untrue("its founder still decides");
  const auto owner = view.state().get(contracts::registry::kOrganisations, grown.owner.organisation);
  if (!owner || owner->name() != grown.owner.name) return untrue("its owner has another name");
  const auto seat = view.state().get(governance::kMembers, kernel::account_id(own.member));
  if (!seat || seat->validator_key() != own.member.validator_key() || seat->weight() != own.member.weight())
    return untrue("this organisation is no member of it as it described itself");
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return {};
}

Result<void> load_pieces(GrownFile& file, const std::shared_ptr<storage::Store>& store) {
  const ordering::Grown& grown = file.grown();
  const replica::TrustedPoint sealed{kernel::ledger_id(grown.founding), grown.seal_height(), proof::block_time(grown.seal().time),
                                     *Digest::from(grown.seal().app_hash)};
  CARELEDGER_TRY(auto loader, replica::SnapshotLoader::begin(store, grown.snapshot, sealed));
  for (;;) {
    CARELEDGER_TRY(const auto piece, file.next_piece());
    if (!piece) return loader.finish();
    CARELEDGER_CHECK(loader.add(*piece));
  }
}

Result<std::shared_ptr<storage::Store>> open_ledger(const Layout& layout) {
  replica::LedgerStoreOptions options;
  options.folder = layout.ledger();
  CARELEDGER_TRY(auto store, replica::open_ledger_store(options));
  return std::shared_ptr<storage::Store>(std::move(store));
}

// Whether the ledger has the seal, or blocks above it. The node may be serving. One that ends below it is of an attempt that was cut off.
Result<bool> reaches(const Layout& layout, Height seal) {
  if (!system_files().exists(layout.ledger())) return false;
  replica::LedgerStoreOptions options;
  options.folder = layout.ledger();
  options.create = false;
  options.read_only = true;
  const auto store = replica::open_ledger_store(options);
  if (!store && store.error().kind == ErrorKind::not_found) return false;
  if (!store) return tl::make_unexpected(store.error());
  CARELEDGER_TRY(const auto heights, replica::stored_heights(**store));
  return heights && heights->newest >= seal;
}

Result<void> load_state(const Layout& layout, GrownFile& file, const Description& own) {
  CARELEDGER_CHECK(remove_ledger(layout));  // what an attempt left that did not end
  CARELEDGER_TRY(const auto store, open_ledger(layout));
  CARELEDGER_CHECK(load_pieces(file, store));
  replica::Config config;
  config.founding = file.grown().founding;
  CARELEDGER_TRY(const auto replica, replica::Replica::open(config, store, contracts::all()));
  return check_state(replica->view(), file.grown(), own);
}

// Who the others are: those who came, by their own descriptions, and the owner.
Result<Config> config_of(const ordering::Grown& grown, const std::vector<Description>& entrants, const Description& own,
                         const std::vector<std::uint16_t>& rpc_ports) {
  kernel::Founding founding;
  CARELEDGER_ASSERT(kernel::parse_canonical(grown.founding, founding));
  Config config = member_config(founding, own, entrants, rpc_ports);
  const ordering::GrownOwner& owner = grown.owner;
  if (!is_endpoint(owner.listen) || !is_origin(owner.api) || !kernel::is_plain_name(owner.name))
    return fail(ErrorKind::invalid, "the grown ledger's file names no address, or no name, of its owner that can be used");
  config.network->peers.push_back(
      {owner.name, owner.organisation, ordering::abci::node_id(owner.node), owner.listen, owner.api, owner.described});
  std::ranges::sort(config.network->peers, {}, &PeerConfig::id);
  return config;
}

// That the ledger grew with this organisation. It may have described itself anew since, with other addresses: the keys are the same.
Result<void> check_among(const ordering::Grown& grown, const std::vector<Description>& entrants, const Description& own,
                         const std::string& path) {
  if (const LedgerId ledger = kernel::ledger_id(grown.founding); !own.application || own.application->ledger != ledger)
    return fail(ErrorKind::conflict, path + " is of the ledger " + ledger.hex() + ", for which this organisation did not describe itself");
  const bool among = std::ranges::any_of(entrants, [&own](const Description& one) {
    return kernel::account_id(one.member) == kernel::account_id(own.member) && one.node == own.node && one.validator == own.validator;
  });
  if (among) return {};
  return fail(ErrorKind::conflict, "the ledger in " + path + " did not grow with this organisation, or not with its keys of now");
}

// Whether the folder holds this already. conflict: something else, which it may have served with.
Result<bool> founded_before(const Layout& layout, const GrownFile& file) {
  const auto kept = system_files().read_all(layout.grown(), ordering::kGrownBytesMax);
  if (kept && *kept == file.bytes()) return true;
  CARELEDGER_TRY(const Config before, read_config(system_files(), layout.config()));
  CARELEDGER_TRY(const bool signed_with, ordering::abci::Signer::has_signed(system_files(), layout.signed_steps()));
  const bool started = system_files().exists(layout.engine()) || system_files().exists(layout.restoring()) || signed_with;
  if (kept && before.network && before.ledger == kernel::ledger_id(file.grown().founding) && !started) return false;
  return fail(ErrorKind::conflict, layout.folder + " was founded from something else already, and may have served");
}

// A restore loads the state from it again.
Result<void> keep_file(const Layout& layout, const std::string& path) {
  std::error_code failed;
  if (std::filesystem::equivalent(path, layout.grown_file(), failed) && !failed) return {};
  std::filesystem::copy_file(path, layout.grown_file(), std::filesystem::copy_options::overwrite_existing, failed);
  if (failed) return fail(ErrorKind::storage, layout.grown_file() + " cannot be written: " + failed.message());
  CARELEDGER_TRY(const auto copy, system_files().open(layout.grown_file(), false));
  return copy->sync();
}

Result<void> write_folder(const Layout& layout, const std::string& path, const GrownFile& file, const Config& config) {
  Files& files = system_files();
  CARELEDGER_CHECK(keep_file(layout, path));
  CARELEDGER_CHECK(files.replace(layout.founding(), file.grown().founding));
  CARELEDGER_CHECK(files.replace(layout.founding_text(), grown_text(file.bytes(), file.grown())));
  CARELEDGER_CHECK(files.replace(layout.grown(), file.bytes()));
  CARELEDGER_CHECK(make_signed_steps(layout, file.grown().seal().chain_id));
  return write_config(files, layout.config(), config);
}

}  // namespace

Result<Config> found_grown(const Layout& layout, const std::string& path, const std::vector<std::uint16_t>& rpc_ports, const Clock& clock) {
  CARELEDGER_TRY(GrownFile file, GrownFile::open(system_files(), path));
  const bool founded = system_files().exists(layout.config());
  CARELEDGER_TRY(const bool same, founded ? founded_before(layout, file) : Result<bool>(false));
  if (same) {
    CARELEDGER_CHECK(load_grown(layout));  // its ledger was lost, or moved away
    return read_config(system_files(), layout.config());
  }
  CARELEDGER_TRY(const Bytes own_text, own_description(layout));
  CARELEDGER_TRY(const Description own, read_description(own_text, std::nullopt));
  CARELEDGER_TRY(const std::vector<Description> entrants, entrants_of(file.grown()));
  CARELEDGER_CHECK(check_among(file.grown(), entrants, own, path));
  CARELEDGER_CHECK(check_come("the last block of the ledger in " + path, proof::block_time(file.grown().seal().time), clock.now()));
  CARELEDGER_TRY(const Config config, config_of(file.grown(), entrants, own, rpc_ports));
  CARELEDGER_TRY(const auto lock, lock_folder(layout));
  if (system_files().exists(layout.engine()))
    return fail(ErrorKind::conflict, layout.folder + " served before: put its careledger.json back");
  if (founded) CARELEDGER_CHECK(system_files().remove(layout.config()));  // it has not started: another file takes the place of the first
  if (const auto loaded = load_state(layout, file, own); !loaded) {
    static_cast<void>(remove_ledger(layout));
    return tl::make_unexpected(loaded.error());
  }
  CARELEDGER_CHECK(write_folder(layout, path, file, config));
  return config;
}

Result<void> load_grown(const Layout& layout) {
  CARELEDGER_TRY(GrownFile file, GrownFile::open(system_files(), layout.grown_file()));
  CARELEDGER_TRY(const bool there, reaches(layout, file.grown().seal_height()));
  if (there) return {};
  CARELEDGER_CHECK(remove_ledger(layout));
  CARELEDGER_TRY(const auto store, open_ledger(layout));
  if (!system_files().exists(layout.old_chain())) return load_pieces(file, store);
  CARELEDGER_CHECK(repeat_old_chain(system_files(), layout.old_chain(), file.grown(), store));
  return system_files().remove(layout.old_chain());  // the ledger has it now
}

}  // namespace careledger::apps::network
