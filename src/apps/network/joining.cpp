#include "apps/network/joining.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "apps/network/growing.h"
#include "apps/network/grown_file.h"
#include "apps/network/old_chain.h"
#include "apps/node.h"
#include "contracts/registry/registry.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "proof/checkpoint.h"

namespace careledger::apps::network {
namespace {

namespace registry = contracts::registry;

constexpr std::chrono::seconds kLong{30};
constexpr std::size_t kWitnessFileMax = 4096;

Result<void> check_own(const Description& own, const kernel::Founding& founding) {
  const LedgerId ledger = kernel::ledger_id(kernel::encode(founding));
  for (const auto& member : founding.members())
    if (kernel::account_id(member) == kernel::account_id(own.member))
      return fail(ErrorKind::conflict, own.member.name() + " is one of the founders: careledger network found");
  if (own.application && own.application->ledger == ledger) return {};
  return fail(ErrorKind::invalid, std::string("the description in this folder names ") + (own.application ? "another" : "no") +
                                      " ledger to join: describe it again with --founding and this founding document");
}

bool is_admitted(const replica::View& view, const OrganisationId& organisation) {
  const kernel::Reader state = view.state();
  const auto row = state.get(registry::kOrganisations, organisation);
  return row && row->status() == static_cast<std::uint32_t>(registry::OrganisationStatus::active);
}

// Another block, or the end of the ordering. Outlives who waits: the ordering tells it when it likes.
struct News {
  std::mutex mutex;
  std::condition_variable changed;
  bool came = false;
};

void ask_for_block(ordering::Ordering& ordering, Height next, const std::shared_ptr<News>& news) {
  ordering.when_provable(next, [news] {
    const std::lock_guard lock(news->mutex);
    news->came = true;
    news->changed.notify_all();
  });
}

using Enough = std::function<bool(const replica::View&)>;

Result<void> follow(Ledger& ledger, const Enough& enough, const std::function<void(const Joining&)>& step) {
  const auto news = std::make_shared<News>();
  Joining joining;
  for (;;) {
    const replica::View view = ledger.replica().view();
    joining.height = view.height();
    const bool ends = enough(view);
    if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
    step(joining);
    if (ends) return {};
    if (!joining.waits_long) ask_for_block(ledger.ordering(), {joining.height.value + 1}, news);
    if (ledger.failed()) return fail(ErrorKind::storage, "the ledger could not be written: look at the disk, and join again");
    std::unique_lock lock(news->mutex);
    joining.waits_long = !news->changed.wait_for(lock, kLong, [&news] { return std::exchange(news->came, false); });
  }
}

// Of a network that was an embedded ledger: what came before its engine's first block comes from no engine.
Result<void> begin_above_seal(const Layout& layout, const JoinOrder& order) {
  if (!system_files().exists(layout.grown())) return {};
  if (!order.snapshot) return load_grown(layout);
  CARELEDGER_TRY(const ordering::Grown grown, kept_grown(layout));
  if (order.snapshot->height > grown.seal_height()) return {};
  return fail(ErrorKind::invalid,
              "--trust names a block of the embedded ledger that this network was, whose old key could sign another: take "
              "one above " +
                  std::to_string(grown.seal_height().value));
}

Result<void> fetch(const Layout& layout, const Config& config, const JoinOrder& order, const Enough& enough, Clock& clock,
                   Entropy& entropy) {
  CARELEDGER_TRY(const auto lock, lock_folder(layout));
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, order.seal, false, entropy));
  CARELEDGER_TRY(const auto keys, vault::Keystore::open(layout.keystore(), seal, clock, entropy));
  CARELEDGER_TRY(Bytes founding, own_founding(layout, config.ledger));
  const NetworkConfig& network = *config.network;
  CARELEDGER_CHECK(begin_above_seal(layout, order));
  if (order.snapshot) {
    SnapshotParts parts{layout, network, founding, *keys, clock, order.engine};
    parts.step = [&order](const SnapshotStep& step) { order.step({{}, step.waits_long, step.progress}); };
    parts.on_event = order.on_event;
    CARELEDGER_CHECK(start_from_snapshot(parts, *order.snapshot));
  }
  const Engine engine{network, config.organisations.front().id, {.program = order.engine, .snapshot_every = 0}, order.on_event};
  CARELEDGER_TRY(const auto ledger, Ledger::open(layout, std::move(founding), *keys, clock, nullptr, &engine));
  const auto fetched = follow(*ledger, enough, order.step);
  ledger->stop();
  return fetched;
}

struct Remembered {
  std::string organisation;
  proof::Checkpoint checkpoint;
};

// By the witness of each organisation; what wallets were shown is no longer than that.
Result<std::vector<Remembered>> remembered_in(const Layout& layout, const Config& config) {
  std::vector<Remembered> out;
  for (const OrganisationConfig& one : config.organisations) {
    const std::string file = layout.witness(one.slug);
    if (!system_files().exists(file)) continue;
    CARELEDGER_TRY(const Bytes text, system_files().read_all(file, kWitnessFileMax));
    auto checkpoint = proof::parse_checkpoint(text);
    if (!checkpoint) return fail(ErrorKind::corrupt, file + " is not the memory of a witness: " + checkpoint.error().message);
    out.push_back({one.name, std::move(*checkpoint)});
  }
  return out;
}

Result<void> check_contains(const replica::View& view, const Remembered& remembered) {
  const proof::Checkpoint& known = remembered.checkpoint;
  CARELEDGER_TRY(const proof::Path path, view.prove_consistency(known.size));
  if (proof::verify_consistency(known.size, known.root, view.log_size(), view.log_root(), path)) return {};
  return fail(ErrorKind::conflict, "the witness of " + remembered.organisation + " remembers " + std::to_string(known.size) +
                                       " entries of another history than the one that was fetched: ask the other members by "
                                       "another way which one is right, move DIR/ledger and DIR/engine away, and recover it from them");
}

// Of a ledger that grew its former owner alone had the blocks from before.
Result<void> check_others_have(const Layout& layout, const Config& config) {
  if (!system_files().exists(layout.grown())) return {};
  CARELEDGER_TRY(const ordering::Grown grown, kept_grown(layout));
  if (!is_former_owner(config, grown)) return {};
  return fail(ErrorKind::precondition,
              "this ledger was this organisation's own before it grew, and nobody else has its blocks of then: restore a backup, which "
              "holds them, or move DIR/engine away and found it again without them (careledger network found --grown)");
}

// From now on no node serves the folder; not while one does, which stays as it is.
Result<void> mark_as_recovering(const Layout& layout) {
  CARELEDGER_TRY(const auto lock, lock_folder(layout));
  return system_files().replace(layout.recovering(), "its ledger is fetched again\n");
}

}  // namespace

Result<kernel::Founding> read_any_founding(ByteView bytes) {
  kernel::Founding founding;
  if (!kernel::parse_canonical(bytes, founding) || !kernel::is_sound(founding))
    return fail(ErrorKind::malformed, "this is no founding document: take a member's founding.pb as it is");
  return founding;
}

Result<kernel::Founding> read_founding(ByteView bytes) {
  CARELEDGER_TRY(kernel::Founding founding, read_any_founding(bytes));
  if (founding.format() == kernel::kFoundedTogether) return founding;
  return fail(
      ErrorKind::unsupported,
      "this ledger had one founder: while it is an embedded one, others come in when it grows (careledger network found --grown), and "
      "into a network that it grew into with the file that its members keep of that (careledger network join --grown)");
}

Result<Config> prepare_to_join(const Layout& layout, const LedgerId& ledger, ByteView document, const std::vector<DescriptionFile>& members,
                               const std::vector<std::uint16_t>& rpc_ports) {
  CARELEDGER_TRY(const kernel::Founding founding, read_founding(document));
  if (const LedgerId founded = kernel::ledger_id(document); founded != ledger)
    return fail(ErrorKind::invalid,
                "the founding document is of another ledger, " + founded.hex() + ": ask a member by another way which one is right");
  CARELEDGER_TRY(const Bytes own_text, own_description(layout));
  CARELEDGER_TRY(const Description own, read_description(own_text, std::nullopt));
  CARELEDGER_CHECK(check_own(own, founding));
  std::vector<Description> all{own};
  for (const DescriptionFile& file : members) {
    CARELEDGER_TRY(Description one, read_description(file, std::nullopt));
    if (one.network != founding.name())
      return fail(ErrorKind::invalid, file.path + " is of a member of \"" + one.network + "\", not of \"" + founding.name() + "\"");
    if (one.node != own.node) all.push_back(std::move(one));
  }
  CARELEDGER_CHECK(check_apart(all));
  if (all.size() == 1) return fail(ErrorKind::invalid, "name the description of one member at least: from it the blocks are fetched");
  return settle(layout, founding, member_config(founding, own, all, rpc_ports));
}

Result<void> await_admission(const Layout& layout, const JoinOrder& order, Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  if (!config.network) return fail(ErrorKind::unsupported, "this ledger is embedded: nobody admits anybody to it by votes");
  const OrganisationId own = config.organisations.front().id;
  return fetch(layout, config, order, [own](const replica::View& view) { return is_admitted(view, own); }, clock, entropy);
}

Result<void> await_block_after(const Layout& layout, BlockTime moment, const JoinOrder& order, Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  if (!config.network) return fail(ErrorKind::unsupported, "this ledger is embedded: its blocks come from nobody else");
  return fetch(layout, config, order, [moment](const replica::View& view) { return view.time() > moment; }, clock, entropy);
}

Result<void> recover_ledger(const Layout& layout, const JoinOrder& order, Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  if (!config.network) return fail(ErrorKind::unsupported, "this ledger is embedded: nobody else has it. Restore a backup");
  if (system_files().exists(layout.restoring()))
    return fail(ErrorKind::precondition, "a restore of this folder was cut off: run careledger restore again");
  CARELEDGER_TRY(const std::vector<Remembered> remembered, remembered_in(layout, config));
  const bool lost = !system_files().exists(layout.ledger());
  if (lost) CARELEDGER_CHECK(check_others_have(layout, config));
  if (lost) CARELEDGER_CHECK(mark_as_recovering(layout));  // one that is whole is served as before, whatever becomes of this
  std::optional<Error> departs;
  const BlockTime began = clock.now();  // before the newest block it would sign by keys and numbers that are used up
  const auto enough = [&](const replica::View& view) {
    const bool is_there =
        view.height() >= view.first_height() && view.time() > began &&
        std::ranges::all_of(remembered, [&view](const Remembered& one) { return one.checkpoint.size <= view.log_size(); });
    for (const Remembered& one : remembered)
      if (auto holds = is_there ? check_contains(view, one) : Result<void>(); !holds) departs = std::move(holds.error());
    return is_there;
  };
  const auto fetched = fetch(layout, config, order, enough, clock, entropy);
  if (!fetched && lost && !system_files().exists(layout.ledger())) CARELEDGER_CHECK(system_files().remove(layout.recovering()));
  CARELEDGER_CHECK(fetched);
  if (departs) {
    CARELEDGER_CHECK(mark_as_recovering(layout));
    return tl::make_unexpected(std::move(*departs));
  }
  return system_files().exists(layout.recovering()) ? system_files().remove(layout.recovering()) : Result<void>();
}

}  // namespace careledger::apps::network
