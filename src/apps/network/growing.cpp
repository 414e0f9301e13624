#include "apps/network/growing.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "apps/network/grown_file.h"
#include "apps/network/old_chain.h"
#include "apps/network/peers.h"
#include "apps/node.h"
#include "base/descriptor.h"
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

// A state until it is proven: what else is in DIR/ledger stays as long.
std::string unproven_ledger(const Layout& layout) { return layout.ledger() + ".unproven"; }

Result<void> remove_ledger(const std::string& folder) {
  std::error_code failed;
  std::filesystem::remove_all(folder, failed);
  if (failed) return fail(ErrorKind::storage, folder + " cannot be removed: " + failed.message());
  return {};
}

// Its rows prove themselves against the seal; what they are is the owner's word, and these rules hold for every network.
Result<void> check_state(const replica::View& view, const ordering::Grown& grown) {
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
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return {};
}

Result<void> check_seat(const replica::View& view, const Description& own) {
  const auto seat = view.state().get(governance::kMembers, kernel::account_id(own.member));
  if (!seat || seat->validator_key() != own.member.validator_key() || seat->weight() != own.member.weight())
    return untrue("this organisation is no member of it as it described itself");
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return {};
}

// A piece that was changed, or is not there, whoever did it.
Result<void> proven(Result<void> loaded) {
  if (loaded || loaded.error().kind == ErrorKind::storage || loaded.error().kind == ErrorKind::corrupt) return loaded;
  return fail(ErrorKind::invalid, "the state in the grown ledger's file is not that of its last block (" + loaded.error().message +
                                      "): take the file again, from another member");
}

Result<void> load_pieces(GrownFile& file, const std::shared_ptr<storage::Store>& store) {
  const ordering::Grown& grown = file.grown();
  const replica::TrustedPoint sealed{kernel::ledger_id(grown.founding), grown.seal_height(), proof::block_time(grown.seal().time),
                                     *Digest::from(grown.seal().app_hash)};
  auto loader = replica::SnapshotLoader::begin(store, grown.snapshot, sealed);
  if (!loader) return proven(tl::make_unexpected(std::move(loader.error())));
  for (;;) {
    CARELEDGER_TRY(const auto piece, file.next_piece());
    if (!piece) return proven(loader->finish());
    CARELEDGER_CHECK(proven(loader->add(*piece)));
  }
}

Result<std::shared_ptr<storage::Store>> open_ledger(const std::string& folder) {
  replica::LedgerStoreOptions options;
  options.folder = folder;
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

// `seated`: who came when it grew, and must be a member as it described itself.
Result<void> prove_state(const Layout& layout, GrownFile& file, const Description* seated) {
  CARELEDGER_CHECK(remove_ledger(unproven_ledger(layout)));  // what an attempt left that did not end
  CARELEDGER_TRY(const auto store, open_ledger(unproven_ledger(layout)));
  CARELEDGER_CHECK(load_pieces(file, store));
  replica::Config config;
  config.founding = file.grown().founding;
  CARELEDGER_TRY(const auto replica, replica::Replica::open(config, store, contracts::all()));
  CARELEDGER_CHECK(check_state(replica->view(), file.grown()));
  return seated != nullptr ? check_seat(replica->view(), *seated) : Result<void>();
}

// Whatever ends this in the middle leaves no ledger, or a whole one.
Result<void> put_in_place(const Layout& layout) {
  CARELEDGER_CHECK(remove_ledger(layout.ledger()));
  std::error_code failed;
  std::filesystem::rename(unproven_ledger(layout), layout.ledger(), failed);
  if (failed) return fail(ErrorKind::storage, layout.ledger() + " cannot be made: " + failed.message());
  const Descriptor folder(::open(layout.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0 && ::fsync(folder.get()) == 0) return {};
  return fail(ErrorKind::storage, layout.folder + " cannot be made durable: " + std::strerror(errno));
}

// From the folder's own copies; the store is closed when it returns.
Result<void> load_beside(const Layout& layout, GrownFile& file, bool has_old_blocks) {
  CARELEDGER_CHECK(remove_ledger(unproven_ledger(layout)));
  CARELEDGER_TRY(const auto store, open_ledger(unproven_ledger(layout)));
  return has_old_blocks ? repeat_old_chain(system_files(), layout.old_chain(), file.grown(), store) : load_pieces(file, store);
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

Result<void> check_ledger_of(const Description& own, const ordering::Grown& grown, const std::string& path) {
  const LedgerId ledger = kernel::ledger_id(grown.founding);
  if (own.application && own.application->ledger == ledger) return {};
  return fail(ErrorKind::conflict,
              path + " is of the ledger " + ledger.hex() +
                  ", for which this organisation did not describe itself: take "
                  "the file of its own ledger, or describe it with that one's founding.pb (careledger network describe)");
}

// That the ledger grew with this organisation. It may have described itself anew since, with other addresses: the keys are the same.
Result<void> check_among(const std::vector<Description>& entrants, const Description& own, const std::string& path) {
  const bool among = std::ranges::any_of(entrants, [&own](const Description& one) {
    return kernel::account_id(one.member) == kernel::account_id(own.member) && one.node == own.node && one.validator == own.validator;
  });
  if (among) return {};
  return fail(ErrorKind::conflict, "the ledger in " + path +
                                       " did not grow with this organisation, or not with its keys of now; who comes later joins it "
                                       "(careledger network join --grown)");
}

Result<void> check_later(const std::vector<Description>& entrants, const Description& own) {
  for (const Description& one : entrants)
    if (kernel::account_id(one.member) == kernel::account_id(own.member))
      return fail(ErrorKind::conflict, own.member.name() + " came when this ledger grew: careledger network found --grown");
  return {};
}

struct NewestDescription {
  Description description;
  std::string path;
};

// Of each member that is named, unless the file has a newer one.
Result<std::map<OrganisationId, NewestDescription>> newest_of(const std::vector<DescriptionFile>& members,
                                                              const std::vector<PeerConfig>& peers) {
  std::map<OrganisationId, NewestDescription> newest;
  for (const DescriptionFile& file : members) {
    CARELEDGER_TRY(Description one, read_description(file, std::nullopt));
    const OrganisationId id = kernel::account_id(one.member);
    const auto known = std::ranges::find(peers, id, &PeerConfig::id);
    const auto named = newest.find(id);
    const bool is_older = (known != peers.end() && one.described < known->described) ||
                          (named != newest.end() && one.described < named->second.description.described);
    if (!is_older) newest.insert_or_assign(id, NewestDescription{std::move(one), file.path});
  }
  return newest;
}

// Those who were members then, by the file, and whoever is named besides. Where somebody was before he moved may be another's place now.
Result<void> place_others(const Layout& layout, Config& config, const Description& own, const std::vector<DescriptionFile>& members) {
  auto& peers = config.network->peers;
  CARELEDGER_TRY(auto newest, newest_of(members, peers));
  newest.erase(config.organisations.front().id);
  std::erase_if(peers, [&newest](const PeerConfig& one) { return newest.contains(one.id); });
  for (const auto& [id, one] : newest) CARELEDGER_CHECK(place_peer(config, one.description, one.path));
  for (const PeerConfig& one : peers) CARELEDGER_CHECK(check_other(peer_of(own), one, layout.description()));
  return {};
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

struct Coming {
  const std::string& path;
  const std::vector<std::uint16_t>& rpc_ports;
  const LateOrder* late;  // null: it came when the ledger grew
};

// The folder's configuration, of one whom the file is for.
Result<Config> plan_of(const Layout& layout, const ordering::Grown& grown, const Description& own, const Coming& coming) {
  CARELEDGER_TRY(const std::vector<Description> entrants, entrants_of(grown));
  CARELEDGER_CHECK(check_ledger_of(own, grown, coming.path));
  CARELEDGER_CHECK(coming.late != nullptr ? check_later(entrants, own) : check_among(entrants, own, coming.path));
  CARELEDGER_TRY(Config config, config_of(grown, entrants, own, coming.rpc_ports));
  if (coming.late != nullptr) CARELEDGER_CHECK(place_others(layout, config, own, coming.late->members));
  return config;
}

// Its ledger was lost, or moved away. What a process that has the folder now fills is not.
Result<void> load_again(const Layout& layout, const GrownFile& file) {
  CARELEDGER_TRY(const bool there, reaches(layout, file.grown().seal_height()));
  if (there) return {};
  CARELEDGER_TRY(const auto lock, lock_folder(layout));
  return load_grown(layout);
}

Result<Config> take(const Layout& layout, GrownFile file, const Coming& coming, const Clock& clock) {
  const bool founded = system_files().exists(layout.config());
  CARELEDGER_TRY(const bool same, founded ? founded_before(layout, file) : Result<bool>(false));
  if (same) {
    CARELEDGER_CHECK(load_again(layout, file));
    return read_config(system_files(), layout.config());
  }
  CARELEDGER_TRY(const Bytes own_text, own_description(layout));
  CARELEDGER_TRY(const Description own, read_description(own_text, std::nullopt));
  CARELEDGER_TRY(const Config config, plan_of(layout, file.grown(), own, coming));
  CARELEDGER_CHECK(check_come("the last block of the ledger in " + coming.path, proof::block_time(file.grown().seal().time), clock.now()));
  CARELEDGER_TRY(const auto lock, lock_folder(layout));
  if (system_files().exists(layout.engine()))
    return fail(ErrorKind::conflict, layout.folder + " served before: put its careledger.json back");
  if (const auto proof = prove_state(layout, file, coming.late != nullptr ? nullptr : &own); !proof) {
    static_cast<void>(remove_ledger(unproven_ledger(layout)));
    return tl::make_unexpected(proof.error());
  }
  if (founded) CARELEDGER_CHECK(system_files().remove(layout.config()));  // nobody's folder until it is written again
  CARELEDGER_CHECK(put_in_place(layout));
  CARELEDGER_CHECK(write_folder(layout, coming.path, file, config));
  return config;
}

}  // namespace

Result<Config> found_grown(const Layout& layout, const std::string& path, const std::vector<std::uint16_t>& rpc_ports, const Clock& clock) {
  CARELEDGER_TRY(GrownFile file, GrownFile::open(system_files(), path));
  return take(layout, std::move(file), {path, rpc_ports, nullptr}, clock);
}

Result<Config> prepare_to_join_grown(const Layout& layout, const LateOrder& order, const Clock& clock) {
  CARELEDGER_TRY(GrownFile file, GrownFile::open(system_files(), order.path));
  if (const Digest number = ordering::number_of(file.bytes()); number != order.number)
    return fail(ErrorKind::invalid,
                order.path + " is of another network, of the number " + number.hex() + ": ask a member by another way which one is right");
  return take(layout, std::move(file), {order.path, order.rpc_ports, &order}, clock);
}

Result<void> load_grown(const Layout& layout) {
  CARELEDGER_TRY(GrownFile file, GrownFile::open(system_files(), layout.grown_file()));
  CARELEDGER_TRY(const Bytes kept, system_files().read_all(layout.grown(), ordering::kGrownBytesMax));
  if (file.bytes() != kept)  // its owner can make several ends of the old chain
    return fail(ErrorKind::corrupt, layout.grown_file() + " is of another network than " + layout.grown() +
                                        ": take the copy that a member of this network keeps");
  CARELEDGER_TRY(const bool there, reaches(layout, file.grown().seal_height()));
  const bool has_old_blocks = system_files().exists(layout.old_chain());
  if (!there) {
    if (auto loaded = load_beside(layout, file, has_old_blocks); !loaded) {
      static_cast<void>(remove_ledger(unproven_ledger(layout)));
      return loaded;
    }
    CARELEDGER_CHECK(put_in_place(layout));
  }
  return has_old_blocks ? system_files().remove(layout.old_chain()) : Result<void>();  // the ledger has it now
}

}  // namespace careledger::apps::network
