#include "apps/wallet.h"

#include <algorithm>
#include <map>

#include "contracts/rules.h"
#include "exchange/terms.h"

namespace careledger::apps {
namespace {

namespace build = contracts::build;
namespace http = edge::http;
namespace json = codec::json;
namespace relation = contracts::relationship;

constexpr std::int64_t kWaitDaysMax = 3650;

template <class Id>
Result<Id> id_from(std::string_view hex) {
  const auto bytes = from_hex(hex);
  const auto id = bytes ? Id::from(*bytes) : std::nullopt;
  if (!id) return fail(ErrorKind::malformed, "the node's answer does not read");
  return *id;
}

Result<WalletKey*> unbound_key(Wallet& wallet, const std::string& label, const std::string& organisation) {
  if (WalletKey* known = wallet.of_organisation(organisation)) return known;
  if (!label.empty()) {
    WalletKey* key = wallet.by_label(label);
    if (key == nullptr) return fail(ErrorKind::not_found, "the wallet has no key of that label; see `careledger wallet show`");
    if (!key->organisation.empty()) return fail(ErrorKind::conflict, "that key belongs to another organisation: one key a relationship");
    return key;
  }
  WalletKey* found = nullptr;
  for (WalletKey& key : wallet.keys) {
    if (!key.organisation.empty() || key.handed_over) continue;
    if (found != nullptr) return fail(ErrorKind::invalid, "several keys wait for an organisation: say which with --label");
    found = &key;
  }
  if (found == nullptr)
    return fail(ErrorKind::not_found, "no key waits for an organisation; make one with `careledger wallet show --label`");
  return found;
}

Bytes opening_json(const WalletGrant& grant) {
  json::Document document;
  json::Value root = document.object();
  const auto consent = json::parse(grant.consent);
  CARELEDGER_ASSERT(consent.has_value());
  document.set(root, "consent", document.copy(consent->root()));
  document.set(root, "salt", document.string(grant.salt));
  document.set(root, "relationship", document.string(grant.relationship));
  document.set(root, "number", document.number(std::int64_t{grant.number}));
  return json::compact(root);
}

Result<exchange::Terms> terms_of(const GrantOrder& order, const WalletKey& key, const std::string& grantee) {
  exchange::Terms terms;
  terms.patient = key.account();
  CARELEDGER_TRY(terms.custodian, id_from<OrganisationId>(key.organisation));
  CARELEDGER_TRY(const OrganisationId to, id_from<OrganisationId>(grantee));
  terms.organisations.insert(to);
  terms.roles = {order.roles.begin(), order.roles.end()};
  terms.purposes = {order.purposes.begin(), order.purposes.end()};
  terms.categories = {order.categories.begin(), order.categories.end()};
  terms.withheld = {order.withheld.begin(), order.withheld.end()};
  for (const std::string& text : order.labels) {
    CARELEDGER_TRY(exchange::Label label, exchange::sensitive_label(text));
    terms.labels.insert(std::move(label));
  }
  const BlockTime now = system_clock().now();
  terms.from = order.from.value_or(now);
  const std::int64_t wait = std::int64_t{contracts::day_of(terms.from)} - contracts::day_of(now);
  if (wait < 0 || wait > kWaitDaysMax) return fail(ErrorKind::invalid, "a grant begins today or within ten years");
  terms.until = {terms.from.value + std::int64_t{order.days} * contracts::kDayMs};
  if (order.categories.empty()) return fail(ErrorKind::invalid, "a grant names at least one category");
  if (order.days == 0) return fail(ErrorKind::invalid, "a grant lasts at least one day");
  return terms;
}

// A slip in an id would make a grant that lets nobody in. Who is accredited stands on the ledger; when it ends may still be put off.
Result<Digest> practitioner_of(WalletNode& grantee, const std::string& text) {
  const std::string hex = text.starts_with("Practitioner/") ? text.substr(13) : text;
  const auto bytes = from_hex(hex);
  const auto id = bytes ? Digest::from(*bytes) : std::nullopt;
  if (!id)
    return fail(ErrorKind::invalid, text + ": a practitioner is named by 64 hex digits, which the practitioner's organisation tells");
  const auto row = grantee.get("/ledger/v1/accreditation/" + id->hex());
  if (!row && row.error().kind != ErrorKind::not_found) return tl::make_unexpected(row.error());
  const bool known = row && row->root().string_at("organisation") == grantee.organisation() &&
                     number_at(row->root(), "kind") == static_cast<std::uint64_t>(contracts::registry::HolderKind::practitioner);
  if (!known) return fail(ErrorKind::not_found, text + ": " + grantee.name() + " has accredited no such practitioner");
  if (number_at(row->root(), "revoked_height") != 0) return fail(ErrorKind::invalid, text + ": this accreditation was revoked");
  return *id;
}

// The same bytes that will be checked: what departs from the profile is found here and not at the custodian.
Result<WalletGrant> grant_of(const exchange::Terms& terms, const WalletKey& key, std::uint32_t number, const std::string& grantee) {
  const json::Document consent = exchange::make_consent(terms);
  CARELEDGER_CHECK(exchange::parse_terms(consent.root()));
  WalletGrant grant;
  grant.custodian = key.organisation;
  grant.relationship = relation::relationship_id(terms.custodian, terms.patient).hex();
  grant.number = number;
  grant.salt = to_hex(system_entropy().take(32));
  grant.consent = json::canonical(consent.root());
  grant.grantee = grantee;
  return grant;
}

// The day beside the commitment counts from now: when the terms begin is nobody's business.
Result<void> put_on_ledger(WalletNode& node, const WalletKey& key, const Wallet& wallet, const WalletGrant& grant, BlockTime until) {
  CARELEDGER_TRY(const LedgerId ledger, ledger_of(wallet));
  CARELEDGER_TRY(const RelationshipId relationship, id_from<RelationshipId>(grant.relationship));
  CARELEDGER_TRY(const json::Document consent, json::parse(grant.consent));
  const Digest terms = exchange::commitment_to(consent.root(), *from_hex(grant.salt));
  CARELEDGER_CHECK(
      node.command(key, ledger, build::grant(relationship, grant.number, terms, exchange::lapse_day(system_clock().now(), until))));
  return {};
}

// Those that this wallet made; and for a relationship that it took over those that the ledger knows, which another wallet made.
Result<std::vector<std::uint32_t>> grants_in_force(const Wallet& wallet, const WalletKey& key, const RelationshipId& relationship,
                                                   WalletNode& node) {
  std::vector<std::uint32_t> numbers;
  for (const WalletGrant& grant : wallet.grants)
    if (grant.relationship == relationship.hex() && !grant.revoked) numbers.push_back(grant.number);
  if (!key.claimed) return numbers;
  CARELEDGER_TRY(const json::Document row, node.get("/ledger/v1/relationship/" + relationship.hex()));
  const std::uint64_t next = number_at(row.root(), "next_grant");
  for (std::uint32_t number = 1; number < next; ++number) {
    CARELEDGER_TRY(const json::Document grant, node.get("/ledger/v1/grant/" + relationship.hex() + "/" + std::to_string(number)));
    const bool known = std::find(numbers.begin(), numbers.end(), number) != numbers.end();
    if (!known && number_at(grant.root(), "revoked_height") == 0) numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

Result<WalletKey*> key_for(Wallet& wallet, const WalletNode& node) {
  WalletKey* key = wallet.of_organisation(node.organisation());
  if (key == nullptr) return fail(ErrorKind::not_found, "the wallet has no relationship with " + node.name() + "; accept one first");
  return key;
}

Result<Accepted> accept_relationship(WalletFile& file, const std::string& origin, const std::string& certificate,
                                     const std::string& label) {
  Wallet& wallet = file.wallet();
  CARELEDGER_TRY(const auto node, WalletNode::connect(origin, certificate, wallet));
  CARELEDGER_TRY(WalletKey * key, unbound_key(wallet, label, node->organisation()));
  if (const auto account = node->get("/ledger/v1/account/" + key->account().hex());
      !account && account.error().kind == ErrorKind::not_found)
    return fail(ErrorKind::not_found,
                "no proposal for this key is on the ledger yet: one comes there when the epoch, as a rule an hour, is over");
  CARELEDGER_TRY(const http::Response response, node->as_patient(*key, http::Method::get, "/patient/v1/relationship"));
  CARELEDGER_TRY(const json::Document shown, json::parse(response.body));
  CARELEDGER_TRY(const RelationshipId id, id_from<RelationshipId>(shown.root().string_at("relationship")));
  CARELEDGER_TRY(const OrganisationId organisation, id_from<OrganisationId>(node->organisation()));
  if (id != relation::relationship_id(organisation, key->account()))
    return fail(ErrorKind::corrupt, "the node names another relationship than this key has with it");
  CARELEDGER_TRY(const Digest subject, id_from<Digest>(shown.root().string_at("subject")));
  CARELEDGER_CHECK(key->pin_subject(subject.hex()));  // now, when there is nothing to hide yet
  Accepted accepted{node->name(), id.hex(), number_at(shown.root(), "status") == static_cast<std::uint64_t>(relation::Status::active), {}};
  key->organisation = node->organisation();
  key->organisation_name = node->name();
  CARELEDGER_CHECK(node->cosign(file, *key));
  if (accepted.already) return accepted;
  CARELEDGER_TRY(const LedgerId ledger, ledger_of(wallet));
  CARELEDGER_TRY(accepted.waits_until, node->command(*key, ledger, build::accept(id)));
  return accepted;
}

Result<Granted> make_grant(WalletFile& file, const GrantOrder& order) {
  Wallet& wallet = file.wallet();
  CARELEDGER_TRY(const auto node, WalletNode::connect(order.node, order.certificate, wallet));
  CARELEDGER_TRY(const WalletKey* key, key_for(wallet, *node));
  CARELEDGER_TRY(const std::string grantee, node->organisation_id(order.grantee));
  CARELEDGER_TRY(const std::string grantee_name, node->organisation_name(grantee));
  CARELEDGER_TRY(const auto there, WalletNode::connect(order.grantee_node, order.certificate, wallet));
  if (there->organisation() != grantee) return fail(ErrorKind::invalid, "--grantee-node is the node of " + there->name());
  CARELEDGER_TRY(const WalletKey* key_there, key_for(wallet, *there));

  CARELEDGER_TRY(exchange::Terms terms, terms_of(order, *key, grantee));
  for (const std::string& text : order.practitioners) {
    CARELEDGER_TRY(const Digest practitioner, practitioner_of(*there, text));
    terms.practitioners.insert(practitioner);
  }
  const std::string relationship = relation::relationship_id(terms.custodian, terms.patient).hex();
  CARELEDGER_TRY(const json::Document row, node->get("/ledger/v1/relationship/" + relationship));
  const auto number = static_cast<std::uint32_t>(number_at(row.root(), "next_grant"));
  CARELEDGER_TRY(const WalletGrant grant, grant_of(terms, *key, number, grantee_name));
  wallet.grants.push_back(grant);  // before it is on the ledger: the salt must not be lost once it is
  CARELEDGER_CHECK(file.save());
  CARELEDGER_CHECK(put_on_ledger(*node, *key, wallet, grant, terms.until));
  const Bytes opening = opening_json(grant);
  CARELEDGER_CHECK(node->as_patient(*key, http::Method::post, "/patient/v1/consents", opening));
  CARELEDGER_CHECK(there->await_grant(relationship, number));
  CARELEDGER_CHECK(there->as_patient(*key_there, http::Method::post, "/patient/v1/consents", opening));
  CARELEDGER_CHECK(node->cosign(file, *key));
  CARELEDGER_CHECK(there->cosign(file, *key_there));
  return Granted{number, node->name(), grantee_name, terms.from, terms.until};
}

namespace {

Error not_on_ledger(const std::string& name, const std::map<std::uint32_t, Result<void>>& told, const Error& why) {
  std::string numbers;
  for (const auto& [number, answer] : told)
    if (answer) numbers += (numbers.empty() ? "" : ", ") + std::to_string(number);
  if (numbers.empty()) return why;
  return {why.kind, name + " releases nothing more under " + numbers +
                        "; that the ledger has it too is not known, so give this command once more later: " + why.message};
}

}  // namespace

Result<std::vector<std::uint32_t>> revoke_grants(WalletFile& file, const std::string& origin, const std::string& certificate,
                                                 std::uint32_t number) {
  Wallet& wallet = file.wallet();
  CARELEDGER_TRY(const auto node, WalletNode::connect(origin, certificate, wallet));
  CARELEDGER_TRY(const WalletKey* key, key_for(wallet, *node));
  CARELEDGER_TRY(const LedgerId ledger, ledger_of(wallet));
  CARELEDGER_TRY(const OrganisationId organisation, id_from<OrganisationId>(key->organisation));
  const RelationshipId relationship = relation::relationship_id(organisation, key->account());
  CARELEDGER_TRY(std::vector<std::uint32_t> numbers, grants_in_force(wallet, *key, relationship, *node));
  if (number != 0) std::erase_if(numbers, [&](std::uint32_t one) { return one != number; });
  // All of them before the first one waits for the ledger, which without a quorum it does in vain.
  std::map<std::uint32_t, Result<void>> told;
  for (const std::uint32_t one : numbers) {
    const auto answer = node->as_patient(*key, http::Method::post, "/patient/v1/consents/" + std::to_string(one) + "/withdraw");
    told.emplace(one, answer ? Result<void>() : tl::make_unexpected(answer.error()));
  }
  for (const std::uint32_t one : numbers) {
    const auto row = node->get("/ledger/v1/grant/" + relationship.hex() + "/" + std::to_string(one));
    const bool is_over = row && number_at(row->root(), "revoked_height") != 0;  // by an earlier try that did not hear of it
    const auto ordered = is_over ? Result<BlockTime>() : node->command(*key, ledger, build::revoke(relationship, one));
    if (!ordered) return tl::make_unexpected(not_on_ledger(node->name(), told, ordered.error()));
    CARELEDGER_CHECK(told.at(one));
    for (WalletGrant& grant : wallet.grants)
      if (grant.relationship == relationship.hex() && grant.number == one) grant.revoked = true;
    CARELEDGER_CHECK(file.save());
  }
  CARELEDGER_CHECK(node->cosign(file, *key));  // last: a withdrawal waits for nothing
  if (numbers.empty()) return fail(ErrorKind::not_found, "the wallet has no such grant at " + node->name() + " that is still in force");
  return numbers;
}

}  // namespace careledger::apps
