#include "apps/governance_acts.h"

#include <algorithm>
#include <charconv>

#include "apps/config.h"
#include "apps/network/description.h"
#include "apps/network/validator_keys.h"
#include "base/clock.h"
#include "codec/fhir/instant.h"
#include "contracts/build.h"
#include "contracts/rules.h"
#include "kernel/command.h"
#include "kernel/tables.h"
#include "proof/chain.h"

namespace careledger::apps {
namespace {

namespace build = contracts::build;
namespace governance = contracts::governance;
namespace http = edge::http;
namespace json = codec::json;
namespace registry = contracts::registry;

constexpr std::uint32_t kProposalsMax = 100'000, kEvidenceMax = 10'000;
// The most that members could allow; what they do allow the ledger says.
constexpr auto kProposalDaysMax = static_cast<std::int64_t>(governance::kParameters[0].most);
constexpr auto kFreezeDaysMax = static_cast<std::int64_t>(governance::kParameters[1].most);
static_assert(governance::kParameters[0].parameter == governance::Parameter::proposal_days);
static_assert(governance::kParameters[1].parameter == governance::Parameter::freeze_days);
constexpr std::int64_t kUsualMs = 7 * contracts::kDayMs;
constexpr std::int64_t kFreshMs = 3'600'000;  // a validator key so young may have been made by the same order

std::string name_of(const kernel::Reader& state, ByteView organisation) {
  const auto id = AccountId::from(organisation);
  const auto row = id ? state.get(registry::kOrganisations, *id) : std::nullopt;
  return row ? row->name() : to_hex(organisation);
}

std::string status_of(const governance::Proposal& proposal, BlockTime now) {
  switch (static_cast<governance::ProposalStatus>(proposal.status())) {
    case governance::ProposalStatus::open: return proposal.deadline_ms() > now.value ? "open" : "lapsed";
    case governance::ProposalStatus::carried_out: return "carried out";
    case governance::ProposalStatus::rejected: return "rejected";
    case governance::ProposalStatus::void_: break;
  }
  return "void";
}

std::string_view name_of(governance::Parameter parameter) {
  const auto* rule = std::ranges::find(governance::kParameters, parameter, &governance::ParameterRule::parameter);
  return rule == std::end(governance::kParameters) ? "" : rule->name;
}

AccountId account_of(const governance::AdmitMember& admit) {
  return kernel::account_id(admit.organisation().authority(), admit.organisation().nonce());
}

// Puts what an action says into `out`.
class Shown {
 public:
  Shown(json::Document& document, const kernel::Reader& state, json::Value& out) : document_(document), state_(state), out_(out) {}
  void action(const governance::Action& action) {
    switch (action.action_case()) {
      case governance::Action::kAdmit:
        text("action", "admit");
        text("organisation", action.admit().organisation().name());
        text("organisation_id", account_of(action.admit()).hex());
        text("kind", kind_name(action.admit().organisation().kind()));
        text("validator", to_hex(action.admit().validator_key()));
        text("group", action.admit().group());
        return number("weight", action.admit().weight());
      case governance::Action::kSetWeight:
        about("weight", action.set_weight().organisation());
        text("validator", to_hex(action.set_weight().validator_key()));
        return number("weight", action.set_weight().weight());
      case governance::Action::kSuspend: return about("suspend", action.suspend().organisation());
      case governance::Action::kReinstate: return about("reinstate", action.reinstate().organisation());
      case governance::Action::kSetSupervisor: return about("supervisor", action.set_supervisor().organisation());
      case governance::Action::kSetGroup:
        about("group", action.set_group().organisation());
        return text("group", action.set_group().group());
      case governance::Action::kSetParameter:
        text("action", "parameter");
        text("parameter", name_of(static_cast<governance::Parameter>(action.set_parameter().parameter())));
        return number("value", action.set_parameter().value());
      default: break;
    }
    text("action", "activate");
    number("version", action.activate().version());
    number("height", action.activate().height());
  }
  void text(std::string_view name, std::string_view value) { document_.set(out_, name, document_.string(value)); }
  void number(std::string_view name, std::uint64_t value) { document_.set(out_, name, document_.number(static_cast<std::int64_t>(value))); }
  void names(std::string_view name, const google::protobuf::RepeatedPtrField<std::string>& ids) {
    json::Value list = document_.array();
    for (const std::string& id : ids) document_.append(list, document_.string(name_of(state_, id)));
    document_.set(out_, name, list);
  }

 private:
  void about(std::string_view action, ByteView organisation) {
    text("action", action);
    text("organisation", name_of(state_, organisation));
    text("organisation_id", to_hex(organisation));
  }
  json::Document& document_;
  const kernel::Reader& state_;
  json::Value& out_;
};

json::Value shown_member(json::Document& document, const kernel::Reader& state, const AccountId& id, const governance::Member& row) {
  json::Value value = document.object();
  Shown shown(document, state, value);
  const auto organisation = state.get(registry::kOrganisations, id);
  shown.text("name", name_of(state, id.view()));
  shown.text("id", id.hex());
  const bool active = organisation && organisation->status() == static_cast<std::uint32_t>(registry::OrganisationStatus::active);
  shown.text("status", active ? "active" : "suspended");
  shown.number("weight", row.weight());
  shown.text("group", row.group());
  return value;
}

json::Value shown_proposal(json::Document& document, const replica::View& view, const Digest& id, const governance::Proposal& row) {
  json::Value value = document.object();
  const kernel::Reader state = view.state();
  Shown shown(document, state, value);
  shown.text("id", id.hex());
  shown.text("by", name_of(state, row.proposer()));
  shown.action(row.action());
  shown.text("deadline", codec::fhir::format_instant({row.deadline_ms()}));
  shown.text("status", status_of(row, view.time()));
  shown.names("yes", row.yes());
  shown.names("no", row.no());
  const governance::Tally tally = governance::tally(state, row, next(view.height()));
  shown.number("yes_votes", tally.yes);
  shown.number("no_votes", tally.no);
  shown.number("yes_kinds", tally.kinds);
  shown.number("kinds_needed", tally.kinds_needed);
  return value;
}

// What the engine proved of a validator.
json::Value shown_evidence(json::Document& document, const kernel::Reader& state, const kernel::Key& key, const governance::Evidence& row) {
  json::Value value = document.object();
  Shown shown(document, state, value);
  shown.text("organisation", row.organisation().empty() ? "" : name_of(state, row.organisation()));
  shown.text("organisation_id", to_hex(row.organisation()));
  shown.text("validator", to_hex(row.validator()));
  const bool attack = row.kind() == static_cast<std::uint32_t>(kernel::MisbehaviourKind::light_client_attack);
  shown.text("kind", attack ? "attack on light clients" : "two votes");
  shown.number("height", row.height());
  shown.text("time", codec::fhir::format_instant({row.time_ms()}));
  shown.number("power", static_cast<std::uint64_t>(row.power()));
  shown.number("total_power", static_cast<std::uint64_t>(row.total_power()));
  shown.number("written", row.written_height());
  shown.text("key", to_hex(key.view()));
  return value;
}

void show_supervision(json::Document& document, const replica::View& view, json::Value& root) {
  Shown shown(document, view.state(), root);
  const auto row = view.state().get(governance::kSupervision, 0);
  if (row && !row->organisation().empty()) shown.text("supervisor", name_of(view.state(), row->organisation()));
  if (const auto until = governance::frozen_until(view.state(), view.time()))
    shown.text("frozen_until", codec::fhir::format_instant(*until));
}

// What holds at the next block, and what was decided to follow it.
json::Value shown_parameters(json::Document& document, const replica::View& view) {
  json::Value list = document.array();
  const Height block = next(view.height());
  for (const governance::ParameterRule& rule : governance::kParameters) {
    json::Value value = document.object();
    Shown shown(document, view.state(), value);
    shown.text("name", rule.name);
    shown.number("value", governance::value_of(view.state(), rule.parameter, block));
    if (const auto coming = governance::value_beginning(view.state(), rule.parameter, next(block))) {
      shown.number("next", *coming);
      shown.number("from", next(block).value);
    }
    shown.number("founded", rule.founded);
    shown.number("least", rule.least);
    shown.number("most", rule.most);
    document.append(list, value);
  }
  return list;
}

Result<std::int64_t> number_in(const json::Value& order, std::string_view name, std::int64_t least, std::int64_t most) {
  const json::Value* value = order.find(name);
  const std::string_view text = value != nullptr && value->is_number() ? value->text() : "";
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < least || number > most)
    return fail(ErrorKind::invalid,
                std::string(name) + ": expected a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return number;
}

// "days" after the newest block, whose time may be a little behind the clock: of the most days that members allow not one moment is too
// much. Without them what is usual.
Result<BlockTime> end_in(const AdminActs& acts, const json::Value& order, std::int64_t days_max,
                         Result<BlockTime> (*usual)(const replica::View&)) {
  const replica::View view = acts.ledger.replica().view();
  if (order.find("days") == nullptr) return usual(view);
  CARELEDGER_TRY(const std::int64_t days, number_in(order, "days", 1, days_max));
  return BlockTime{view.time().value + days * contracts::kDayMs};
}

// The least of what holds at the blocks that may take what is sent now.
std::int64_t most_ms(const replica::View& view, governance::Parameter parameter) {
  const Height block = next(view.height());
  const auto days =
      std::min(governance::value_of(view.state(), parameter, block), governance::value_of(view.state(), parameter, next(block)));
  return static_cast<std::int64_t>(days) * contracts::kDayMs;
}

Result<AccountId> organisation_in(const AdminActs& acts, const json::Value& order) {
  const std::string_view wanted = order.string_at("organisation");
  const replica::View view = acts.ledger.replica().view();
  for (const auto& [key, row] : view.state().scan(governance::kMembers, Limit{governance::kMembersMax})) {
    const auto id = key.digest<AccountId>();
    if (wanted == id.hex() || wanted == name_of(view.state(), id.view())) return id;
  }
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return fail(ErrorKind::not_found, "no member of this network is called \"" + std::string(wanted) + "\"");
}

// The text is signed by the keys that it names, and says which ledger it is about; nobody can propose anything else of who wrote it.
Result<governance::AdmitMember> admission_in(const AdminActs& acts, const json::Value& order) {
  CARELEDGER_TRY(const network::Description wish, network::read_description(order.string_at("description"), system_clock().now()));
  if (!wish.application || wish.application->ledger != acts.ledger.replica().ledger())
    return fail(ErrorKind::invalid,
                "description: it does not ask to join this ledger; it is made with `network describe --founding` and "
                "this network's founding.pb");
  const replica::View view = acts.ledger.replica().view();
  for (const auto& [key, row] : view.state().scan(governance::kMembers, Limit{governance::kMembersMax})) {
    const std::string name = name_of(view.state(), key.digest<AccountId>().view());
    if (slug_of(name) == slug_of(wish.member.name()))
      return fail(ErrorKind::conflict, "the name \"" + wish.member.name() + "\" reads like that of a member, \"" + name + "\"");
  }
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return network::admission_of(wish);
}

// A follower becomes a validator with the key that its own node holds.
Result<governance::SetWeight> weight_in(const AdminActs& acts, const AccountId& organisation, std::uint64_t weight) {
  governance::SetWeight action;
  action.set_organisation(organisation.bytes());
  action.set_weight(weight);
  const replica::View view = acts.ledger.replica().view();
  const auto row = view.state().get(governance::kMembers, organisation);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  if (weight == 0 || !row || !row->validator_key().empty()) return action;
  if (organisation != acts.organisation)
    return fail(ErrorKind::conflict,
                name_of(view.state(), organisation.view()) +
                    " has no validator key on the ledger yet: let it propose its vote itself, at its node, which adds the key");
  CARELEDGER_TRY(network::ValidatorKeys* const keys, acts.ledger.validator_keys());
  CARELEDGER_TRY(const crypto::SigningKey key, keys->current());
  const Bytes shown = key.public_key().bytes();
  action.set_validator_key(shown);
  action.set_proof(Bytes(key.sign(governance::rotation_bytes(view.ledger(), organisation, shown)).view()));
  return action;
}

Result<governance::SetParameter> parameter_in(const json::Value& order) {
  const std::string_view wanted = order.string_at("parameter");
  const auto* rule = std::ranges::find(governance::kParameters, wanted, &governance::ParameterRule::name);
  std::string names;
  for (const governance::ParameterRule& one : governance::kParameters) names += (names.empty() ? "" : ", ") + std::string(one.name);
  if (rule == std::end(governance::kParameters)) return fail(ErrorKind::invalid, "parameter: expected one of " + names);
  CARELEDGER_TRY(const std::int64_t value, number_in(order, "value", 0, INT64_MAX));
  governance::SetParameter action;
  action.set_parameter(static_cast<std::uint32_t>(rule->parameter));
  action.set_value(static_cast<std::uint64_t>(value));
  return action;
}

Result<governance::Action> action_in(const AdminActs& acts, const json::Value& order) {
  const std::string_view what = order.string_at("action");
  governance::Action action;
  if (what == "admit") {
    CARELEDGER_TRY(*action.mutable_admit(), admission_in(acts, order));
  } else if (what == "activate") {
    CARELEDGER_TRY(const std::int64_t version, number_in(order, "version", 1, UINT32_MAX));
    CARELEDGER_TRY(const std::int64_t height, number_in(order, "height", 1, INT64_MAX));
    action.mutable_activate()->set_version(static_cast<std::uint32_t>(version));
    action.mutable_activate()->set_height(static_cast<std::uint64_t>(height));
  } else if (what == "parameter") {
    CARELEDGER_TRY(*action.mutable_set_parameter(), parameter_in(order));
  } else if (what == "supervisor" && order.string_at("organisation").empty()) {
    action.mutable_set_supervisor();
  } else if (what == "weight" || what == "suspend" || what == "reinstate" || what == "supervisor" || what == "group") {
    CARELEDGER_TRY(const AccountId organisation, organisation_in(acts, order));
    if (what == "suspend") action.mutable_suspend()->set_organisation(organisation.bytes());
    if (what == "supervisor") action.mutable_set_supervisor()->set_organisation(organisation.bytes());
    if (what == "reinstate") action.mutable_reinstate()->set_organisation(organisation.bytes());
    if (what == "group") {
      action.mutable_set_group()->set_organisation(organisation.bytes());
      action.mutable_set_group()->set_group(std::string(order.string_at("group")));
    }
    if (what != "weight") return action;
    CARELEDGER_TRY(const std::int64_t weight, number_in(order, "weight", 0, kernel::kWeightMax));
    CARELEDGER_TRY(*action.mutable_set_weight(), weight_in(acts, organisation, static_cast<std::uint64_t>(weight)));
  } else {
    return fail(ErrorKind::invalid, "action: expected admit, suspend, reinstate, weight, group, supervisor, parameter or activate");
  }
  return action;
}

// Whom an action is about, hex, or which parameter; empty for a protocol.
std::string about(const governance::Action& action) {
  if (action.has_admit()) return account_of(action.admit()).hex();
  if (action.has_suspend()) return to_hex(action.suspend().organisation());
  if (action.has_reinstate()) return to_hex(action.reinstate().organisation());
  if (action.has_set_parameter()) return std::string(name_of(static_cast<governance::Parameter>(action.set_parameter().parameter())));
  if (action.has_set_group()) return to_hex(action.set_group().organisation());
  if (action.has_set_supervisor()) return to_hex(action.set_supervisor().organisation());
  return to_hex(action.set_weight().organisation());
}

// Begins the act and puts its command on the ledger; the command's digest.
Result<Digest> send(const AdminActs& acts, const build::Order& order) {
  CARELEDGER_CHECK(acts.begin());
  CARELEDGER_TRY(Bytes command, acts.signer.sign(order.contract, order.payload));
  const Digest digest = kernel::receive_bytes(command).digest;
  CARELEDGER_CHECK(acts.ledger.submit_and_wait(acts.organisation, std::move(command)));
  return digest;
}

}  // namespace

Result<BlockTime> usual_deadline(const replica::View& view) {
  const BlockTime deadline{view.time().value + std::min(kUsualMs, most_ms(view, governance::Parameter::proposal_days))};
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return deadline;
}

Result<BlockTime> usual_end_of_freeze(const replica::View& view) {
  const BlockTime now = view.time();
  const auto row = view.state().get(governance::kSupervision, 0);
  const std::int64_t from = row && governance::frozen_until(view.state(), now) ? row->frozen_from_ms() : now.value;
  const BlockTime end{std::min(now.value + kUsualMs, from + most_ms(view, governance::Parameter::freeze_days))};
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return end;
}

Result<http::Response> list_network(Ledger& ledger, bool all) {
  const replica::View view = ledger.replica().view();
  json::Document document;
  json::Value members = document.array();
  std::uint64_t votes = 0;
  for (const auto& [key, row] : view.state().scan(governance::kMembers, Limit{governance::kMembersMax})) {
    const auto id = key.digest<AccountId>();
    if (view.state().has(kernel::kValidators, id)) votes += row.weight();
    document.append(members, shown_member(document, view.state(), id, row));
  }
  json::Value proposals = document.array();
  for (const auto& [key, row] : view.state().scan(governance::kProposals, Limit{kProposalsMax}))
    if (all || status_of(row, view.time()) == "open") document.append(proposals, shown_proposal(document, view, key.digest<Digest>(), row));
  std::vector<std::pair<kernel::Key, governance::Evidence>> rows = view.state().scan(governance::kEvidence, Limit{kEvidenceMax});
  std::ranges::sort(rows, {}, [](const auto& one) { return std::pair(one.second.written_height(), one.first); });
  json::Value evidence = document.array();
  for (const auto& [key, row] : rows) document.append(evidence, shown_evidence(document, view.state(), key, row));
  json::Value root = document.object();
  document.set(root, "members", members);
  document.set(root, "votes", document.number(static_cast<std::int64_t>(votes)));
  document.set(root, "proposals", proposals);
  document.set(root, "evidence", evidence);
  document.set(root, "parameters", shown_parameters(document, view));
  show_supervision(document, view, root);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  return http::json(200, json::compact(root));
}

Result<http::Response> propose(const AdminActs& acts, const json::Value& order, vault::AuditEntry& entry) {
  CARELEDGER_TRY(const governance::Action action, action_in(acts, order));
  CARELEDGER_TRY(const BlockTime deadline, end_in(acts, order, kProposalDaysMax, usual_deadline));
  entry.details = R"({"proposed":")" + std::string(order.string_at("action")) + R"(","of":")" + about(action) + "\"}";
  CARELEDGER_TRY(const Digest command, send(acts, build::propose(action, deadline)));
  return http::json(200, "{\"proposal\":\"" + governance::proposal_id(command).hex() + "\"}");
}

Result<http::Response> vote(const AdminActs& acts, const json::Value& order, vault::AuditEntry& entry) {
  const auto bytes = from_hex(order.string_at("proposal"));
  const auto proposal = bytes ? Digest::from(*bytes) : std::nullopt;
  if (!proposal) return fail(ErrorKind::invalid, "proposal: expected 64 hex digits");
  const json::Value* yes = order.find("yes");
  if (yes == nullptr || !yes->is_boolean()) return fail(ErrorKind::invalid, "yes: expected true or false");
  const replica::View before = acts.ledger.replica().view();
  const bool known = before.state().has(governance::kProposals, *proposal);
  if (const auto fault = before.fault()) return tl::make_unexpected(*fault);
  if (!known)
    return fail(ErrorKind::not_found, "this node's copy of the ledger has no such proposal; one made a moment ago may still be on its way");
  entry.details = R"({"voted_on":")" + proposal->hex() + R"(","yes":)" + (yes->boolean() ? "true}" : "false}");
  CARELEDGER_CHECK(send(acts, build::vote(*proposal, yes->boolean())));
  const replica::View view = acts.ledger.replica().view();
  const auto row =
      view.state().get(governance::kProposals, *proposal);  // none: the disk fails just now, and the vote is final all the same
  return http::json(200, "{\"status\":\"" + (row ? status_of(*row, view.time()) : std::string("not to be read here now")) + "\"}");
}

namespace {

http::Response shown_key(std::string_view status, const crypto::PublicKey& key, std::uint64_t from) {
  json::Document document;
  json::Value root = document.object();
  document.set(root, "status", document.string(status));
  document.set(root, "key", document.string(key.hex()));
  document.set(root, "validator", document.string(to_hex(proof::address_of(key))));
  document.set(root, "from", document.number(static_cast<std::int64_t>(from)));
  return http::json(200, json::compact(root));
}

bool is_true(const json::Value& order, std::string_view name) {
  const json::Value* value = order.find(name);
  return value != nullptr && value->is_boolean() && value->boolean();
}

}  // namespace

Result<http::Response> rotate_validator(const AdminActs& acts, const json::Value& order, vault::AuditEntry& entry) {
  CARELEDGER_TRY(network::ValidatorKeys* const keys, acts.ledger.validator_keys());
  const replica::View view = acts.ledger.replica().view();
  const auto member = view.state().get(governance::kMembers, acts.organisation);
  if (const auto fault = view.fault()) return tl::make_unexpected(*fault);
  if (!member || member->weight() == 0)
    return fail(ErrorKind::conflict,
                "this member has no vote, and so no validator key to replace: network propose --weight-of asks for one");
  CARELEDGER_TRY(const crypto::SigningKey current, keys->current());
  const bool complete = !keys->is_prepared() && member->validator_key() == current.public_key().view();
  if (complete && !is_true(order, "again") && system_clock().now().value < keys->current_since().value + kFreshMs)
    return shown_key("fresh", current.public_key(), 0);
  CARELEDGER_TRY(const crypto::SigningKey next, keys->prepare());
  entry.details = R"({"validator_key":")" + next.public_key().hex() + "\"}";
  if (member->validator_key() == next.public_key().view()) return shown_key("rotated", next.public_key(), 0);
  CARELEDGER_CHECK(acts.begin());
  const build::Order rotation = build::rotate_validator(view.ledger(), acts.organisation, next);
  CARELEDGER_TRY(Bytes command, acts.signer.sign(rotation.contract, rotation.payload));
  CARELEDGER_TRY(const kernel::Receipt receipt, acts.ledger.submit_and_wait(acts.organisation, std::move(command)));
  return shown_key("rotated", next.public_key(), receipt.height.value + 2);
}

Result<http::Response> freeze(const AdminActs& acts, const json::Value& order, vault::AuditEntry& entry) {
  CARELEDGER_TRY(const BlockTime until, end_in(acts, order, kFreezeDaysMax, usual_end_of_freeze));
  entry.details = R"({"frozen_until":")" + codec::fhir::format_instant(until) + "\"}";
  CARELEDGER_CHECK(send(acts, build::freeze(until)));
  return http::json(200, R"({"until":")" + codec::fhir::format_instant(until) + "\"}");
}

Result<http::Response> thaw(const AdminActs& acts, vault::AuditEntry& entry) {
  entry.details = R"({"thawed":"network"})";
  CARELEDGER_CHECK(send(acts, build::thaw()));
  return http::json(200, "{}");
}

Result<http::Response> leave(const AdminActs& acts, vault::AuditEntry& entry) {
  entry.details = R"({"left":"network"})";
  CARELEDGER_CHECK(send(acts, build::leave()));
  return http::json(200, "{}");
}

}  // namespace careledger::apps
