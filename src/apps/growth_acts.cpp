#include "apps/growth_acts.h"

#include <algorithm>
#include <charconv>
#include <future>
#include <optional>

#include "apps/founding.h"
#include "apps/network/founding.h"
#include "apps/network/grown_file.h"
#include "contracts/build.h"
#include "contracts/registry/registry.h"
#include "kernel/tables.h"
#include "ordering/growth.h"
#include "vault/account_signer.h"

namespace careledger::apps {
namespace {

namespace build = contracts::build;
namespace governance = contracts::governance;
namespace http = edge::http;
namespace json = codec::json;
using vault::Purpose;

struct Plan {
  Config config;
  std::vector<Bytes> texts;  // of descriptions, by account
  std::vector<network::Description> entrants;
  network::Description owner;  // name, weight, group, node and addresses of it: nobody else needs more
};

// `now` nothing: their consent was judged when the ledger took its last command.
Result<std::vector<std::pair<network::Description, Bytes>>> read_entrants(const json::Value& order, const LedgerId& ledger,
                                                                          std::optional<BlockTime> now) {
  std::vector<std::pair<network::Description, Bytes>> out;
  for (const json::Value& one : order.items_at("descriptions")) {
    CARELEDGER_TRY(network::Description read, network::read_description(one.text(), now));
    if (!read.application || read.application->ledger != ledger)
      return fail(ErrorKind::invalid,
                  read.member.name() +
                      " does not describe itself for this ledger: it needs this ledger's founding.pb (careledger network "
                      "describe --founding)");
    out.emplace_back(std::move(read), Bytes(one.text()));
  }
  std::ranges::sort(out, {}, [](const auto& one) { return kernel::account_id(one.first.member); });
  return out;
}

Result<network::Description> describe_owner(const json::Value& order, const Config& config, vault::Keystore& keys) {
  network::Description owner;
  const json::Value* weight = order.find("weight");
  std::uint64_t votes = 0;
  const std::string_view text = weight != nullptr && weight->is_number() ? weight->text() : "";
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), votes);
  if (error != std::errc() || end != text.data() + text.size() || votes == 0 || votes > kernel::kWeightMax)
    return fail(ErrorKind::invalid, "weight: expected a whole number from 1 to " + std::to_string(kernel::kWeightMax));
  owner.network = config.name;
  owner.member.set_name(config.organisations.front().name);
  owner.member.set_weight(votes);
  owner.member.set_group(std::string(order.string_at("group")));
  owner.listen = order.string_at("listen");
  owner.api = order.string_at("api");
  if (!is_endpoint(owner.listen)) return fail(ErrorKind::invalid, "listen: expected host:port, in lower case");
  if (!network::is_origin(owner.api))
    return fail(ErrorKind::invalid, "api: expected https://host:port, in lower case (http on one machine alone)");
  CARELEDGER_TRY(const crypto::SigningKey node, keys.signing(Purpose::engine_node));
  owner.node = node.public_key();
  return owner;
}

tl::unexpected<Error> refuse_network() { return fail(ErrorKind::conflict, "this ledger is a network's already"); }

// The key that signs in the network; until the ledger is sealed it lies beside the one that signs now. A member's is none of this.
Result<crypto::SigningKey> next_validator(const Ledger& ledger, vault::Keystore& keys) {
  if (!ledger.embedded()) return refuse_network();
  const bool prepared = !ledger.sealed() || keys.holds(Purpose::validator, vault::kNextKey);
  return prepared ? keys.signing(Purpose::validator, vault::kNextKey) : keys.signing(Purpose::validator);
}

// What the ledger would refuse, said so that people know whom to ask.
Result<void> check_members(const Plan& plan) {
  std::vector<network::Description> all = plan.entrants;
  all.push_back(plan.owner);
  CARELEDGER_CHECK(network::check_apart(all));
  kernel::Founding members;
  for (const network::Description& one : all) {
    if (one.network != plan.config.name)
      return fail(ErrorKind::conflict, one.member.name() + " describes itself for \"" + one.network + "\", and this ledger is called \"" +
                                           plan.config.name + "\"");
    *members.add_members() = one.member;
  }
  return network::check_votes(members);
}

// One that was admitted and never came into careledger.json would become a member whom nobody knows, on a chain that is sealed already.
Result<void> check_alone(const AdminActs& acts) {
  const replica::View view = acts.ledger.replica().view();
  const std::size_t count = view.state().scan(contracts::registry::kOrganisations, Limit{governance::kMembersMax}).size();
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  if (acts.ledger.sealed() || count == 1) return {};
  return fail(ErrorKind::conflict, "the ledger knows " + std::to_string(count) +
                                       " organisations; only one that has a single one, this node's, grows into a network");
}

Result<Plan> plan_of(const AdminActs& acts, const GrowthPlace& place, const json::Value& order, const crypto::PublicKey& validator) {
  Plan plan;
  CARELEDGER_TRY(plan.config, read_config(system_files(), place.layout.config()));
  if (plan.config.network) return refuse_network();
  if (plan.config.organisations.size() != 1)
    return fail(ErrorKind::conflict, "this node hosts " + std::to_string(plan.config.organisations.size()) +
                                         " organisations; a member of a network hosts itself alone, and taking them apart is not offered");
  CARELEDGER_CHECK(check_alone(acts));
  const auto now = acts.ledger.sealed() ? std::nullopt : std::optional(place.clock.now());
  if (now) CARELEDGER_CHECK(network::check_come("this ledger's newest block", acts.ledger.replica().view().time(), *now));
  CARELEDGER_TRY(auto entrants, read_entrants(order, acts.ledger.replica().ledger(), now));
  for (auto& [description, text] : entrants) {
    plan.entrants.push_back(std::move(description));
    plan.texts.push_back(std::move(text));
  }
  CARELEDGER_TRY(plan.owner, describe_owner(order, plan.config, place.keys));
  plan.owner.validator = validator;
  plan.owner.member.set_validator_key(validator.bytes());
  CARELEDGER_CHECK(check_members(plan));
  return plan;
}

governance::Grow last_command(const AdminActs& acts, const Plan& plan, const crypto::SigningKey& validator,
                              const ordering::local::Newest& newest) {
  governance::Grow grow;
  auto& seat = *grow.add_seats();
  seat.set_organisation(acts.organisation.bytes());
  seat.set_weight(plan.owner.member.weight());
  seat.set_group(plan.owner.member.group());
  seat.set_validator_key(validator.public_key().bytes());
  const Bytes claim = governance::rotation_bytes(acts.ledger.replica().ledger(), acts.organisation, seat.validator_key());
  seat.set_proof(Bytes(validator.sign(claim).view()));
  for (const network::Description& one : plan.entrants) *grow.add_members() = network::admission_of(one);
  grow.set_height(newest.view.height().value + 1);
  grow.set_header_hash(proof::hash_of(newest.header.header));
  grow.set_log_root(newest.view.log_root().bytes());
  grow.set_log_size(newest.view.log_size());
  return grow;
}

// All that a member needs, as far as it can be known before there is a network.
Result<void> try_member(const AdminActs& acts, const GrowthPlace& place, const Plan& plan) {
  CARELEDGER_TRY(const replica::SnapshotReader state, replica::SnapshotReader::make(acts.ledger.replica().view()));
  return place.steps.try_member({plan.owner.listen, plan.owner.api, state.chunks() + 1});  // the last command adds rows
}

// The founder's last command, and the seal behind it.
Result<void> seal(const AdminActs& acts, const GrowthPlace& place, const Plan& plan, const crypto::SigningKey& validator) {
  const kernel::Founding& founding = acts.ledger.founding();
  const AccountId founder = kernel::account_id(founding.founder(), founding.founder_nonce());
  CARELEDGER_TRY(crypto::SigningKey batch, place.keys.signing(Purpose::batch));
  CARELEDGER_TRY(crypto::SigningKey command, place.keys.signing(Purpose::founder));
  acts.ledger.ordering().host(founder, std::make_shared<EnvelopeSigner>(kBatchKey, std::move(batch)));
  vault::AccountSigner signer(acts.ledger.replica().view(), founder, kCommandKey, std::move(command), place.clock);
  std::promise<Result<kernel::Receipt>> told;
  acts.ledger.local()->put_alone(
      founder,
      [&](const ordering::local::Newest& newest) {
        const auto order = build::grow(last_command(acts, plan, validator, newest));
        return signer.sign(order.contract, order.payload);
      },
      [&told](const Result<kernel::Receipt>& receipt) { told.set_value(receipt); });
  CARELEDGER_TRY(const kernel::Receipt receipt, told.get_future().get());
  if (receipt.code.ok()) return {};
  return fail(ErrorKind::conflict, "the ledger refused its last command: " + describe(acts.ledger.replica(), receipt.code));
}

// That the state has these members and no others: it may have grown before a crash.
Result<void> check_grown(const replica::View& view, const Plan& plan, const OrganisationId& own) {
  const auto has = [&](const AccountId& id, const network::Description& one) {
    const auto row = view.state().get(governance::kMembers, id);
    return row && row->weight() == one.member.weight() && row->validator_key() == one.member.validator_key();
  };
  const auto is_there = [&](const network::Description& one) { return has(kernel::account_id(one.member), one); };
  const std::size_t members = view.state().scan(governance::kMembers, Limit{governance::kMembersMax}).size();
  const bool same = has(own, plan.owner) && std::ranges::all_of(plan.entrants, is_there) && members == plan.entrants.size() + 1;
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  if (same) return {};
  return fail(ErrorKind::conflict, "this ledger has grown already, with other members than these: name the same descriptions as then");
}

Result<ordering::Grown> handover(const AdminActs& acts, const Plan& plan, const crypto::SigningKey& validator, const replica::View& view,
                                 const Bytes& snapshot) {
  ordering::Grown grown;
  grown.founding = acts.ledger.founding_bytes();
  for (std::uint64_t height = view.height().value - 2; height <= view.height().value; ++height) {
    CARELEDGER_TRY(proof::SignedHeader header, acts.ledger.ordering().header({height}));
    grown.headers.push_back(std::move(header));
  }
  CARELEDGER_TRY(grown.validators, acts.ledger.ordering().validators(view.height()));
  grown.successors = ordering::voters(view);
  grown.snapshot = snapshot;
  grown.descriptions = plan.texts;
  grown.owner = {acts.organisation, plan.owner.member.name(), plan.owner.node, plan.owner.listen, plan.owner.api, view.time()};
  CARELEDGER_TRY(const auto last, view.block({view.height().value - 1}));
  grown.batch = last->batches.front();  // decode_grown() looks whether it is what it must be
  grown.signature = validator.sign(ordering::grown_sign_bytes(grown));
  return grown;
}

// Whoever opens the folder from now on opens a member's. careledger.json last.
Result<void> make_folder_of_member(const Layout& layout, Plan plan, const ordering::Grown& grown, const Bytes& bytes) {
  Files& files = system_files();
  CARELEDGER_CHECK(files.replace(layout.grown(), bytes));
  CARELEDGER_CHECK(files.replace(layout.founding_text(), network::grown_text(bytes, grown)));
  CARELEDGER_CHECK(network::make_signed_steps(layout, grown.seal().chain_id));
  Config& config = plan.config;
  config.network.emplace().listen = plan.owner.listen;
  for (const network::Description& one : plan.entrants) config.network->peers.push_back(network::peer_of(one));
  config.organisations.front().port = network::port_of(plan.owner.api);
  return write_config(files, layout.config(), config);
}

std::string answer_text(const ordering::Grown& grown, const Bytes& bytes, const std::string& file, const Result<void>& member) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, "number", document.string(ordering::number_of(bytes).hex()));
  document.set(root, "seal", document.number(grown.seal().height));
  document.set(root, "hash", document.string(to_hex(proof::hash_of(grown.seal()))));
  document.set(root, "file", document.string(file));
  if (!member) document.set(root, "not_yet", document.string(member.error().message));
  return json::compact(root);
}

}  // namespace

Result<http::Response> grow(const AdminActs& acts, const GrowthPlace& place, const json::Value& order, vault::AuditEntry& entry) {
  entry.details = R"({"grown":"network"})";
  CARELEDGER_CHECK(place.steps.check_serving());
  CARELEDGER_TRY(const crypto::SigningKey validator, next_validator(acts.ledger, place.keys));
  CARELEDGER_TRY(Plan plan, plan_of(acts, place, order, validator.public_key()));
  if (!acts.ledger.sealed()) CARELEDGER_CHECK(try_member(acts, place, plan));
  CARELEDGER_CHECK(acts.begin());
  if (!acts.ledger.sealed()) CARELEDGER_CHECK(seal(acts, place, plan, validator));
  acts.vault.release_waiting();                              // nobody waits for a network to come
  CARELEDGER_CHECK(place.keys.promote(Purpose::validator));  // first of all: the old key signs nothing any more
  const replica::View view = acts.ledger.replica().view();
  CARELEDGER_CHECK(check_grown(view, plan, acts.organisation));
  CARELEDGER_TRY(const replica::SnapshotReader state, replica::SnapshotReader::make(view));
  CARELEDGER_TRY(const ordering::Grown grown, handover(acts, plan, validator, view, state.header()));
  const Bytes bytes = ordering::encode(grown);
  CARELEDGER_CHECK(ordering::decode_grown(bytes));  // what others would refuse is not handed over
  CARELEDGER_CHECK(network::entrants_of(grown));
  const std::string file = place.layout.grown_file();
  CARELEDGER_CHECK(network::write_grown_file(system_files(), file, bytes, state));
  CARELEDGER_CHECK(make_folder_of_member(place.layout, std::move(plan), grown, bytes));
  return http::json(200, answer_text(grown, bytes, file, place.steps.become_member()));
}

}  // namespace careledger::apps
