#include "apps/founding.h"

#include <set>

#include "apps/act_record.h"
#include "apps/ledger.h"
#include "apps/node.h"
#include "codec/fhir/instant.h"
#include "contracts/build.h"
#include "contracts/rules.h"
#include "kernel/authority.h"
#include "kernel/tables.h"
#include "vault/account_signer.h"

namespace careledger::apps {
namespace {

namespace build = contracts::build;
using vault::Keystore;
using vault::Purpose;

Result<void> check(const NewLedger& order) {
  if (order.organisations.empty())
    return fail(ErrorKind::invalid, "a ledger needs at least one organisation: careledger init DIR --organisation \"North Hospital\"");
  if (order.organisations.size() > kOrganisationsMax) return fail(ErrorKind::too_large, "at most 64 organisations in one process");
  std::set<std::string> slugs;
  for (const NewOrganisation& organisation : order.organisations) {
    CARELEDGER_CHECK(kind_number(organisation.kind));
    const std::string slug = slug_of(organisation.name);
    if (slug.empty() || slug.size() > 64)
      return fail(ErrorKind::invalid, "organisation \"" + organisation.name + "\": a name needs 1 to 64 letters or digits");
    if (!slugs.insert(slug).second) return fail(ErrorKind::invalid, "two organisations would share the folder name \"" + slug + "\"");
  }
  return {};
}

Result<void> make_folders(Files& files, const Layout& layout, const NewLedger& order) {
  if (files.exists(layout.folder)) {
    CARELEDGER_TRY(const std::vector<std::string> names, files.list(layout.folder));
    if (!names.empty())
      return fail(ErrorKind::conflict, layout.folder + " is not empty; choose another folder, or remove it if nothing in it is needed");
  }
  for (const NewOrganisation& organisation : order.organisations)
    CARELEDGER_CHECK(files.make_folder(layout.organisation(slug_of(organisation.name))));
  return {};
}

struct Founder {
  std::unique_ptr<Keystore> keys;
  AccountId account;
  Bytes founding;
};

Result<Founder> make_founder(const Layout& layout, const NewLedger& order, const vault::Seal& seal, Clock& clock, Entropy& entropy) {
  Founder founder;
  CARELEDGER_TRY(founder.keys, Keystore::create(layout.keystore(), seal, clock, entropy));
  CARELEDGER_TRY(const crypto::SigningKey command, founder.keys->signing(Purpose::founder));
  CARELEDGER_TRY(const crypto::SigningKey batch, founder.keys->signing(Purpose::batch));
  kernel::Founding founding;
  founding.set_format(1);
  founding.set_name(order.name);
  founding.set_created_ms(clock.now().value);
  *founding.mutable_founder() = kernel::single_key(command.public_key());
  kernel::add_key(*founding.mutable_founder(), kernel::KeyRole::batch, batch.public_key());
  founding.set_founder_nonce(entropy.take(32));
  founding.set_epoch_ms(order.epoch_ms);
  founding.set_protocol(kProtocol);
  if (!kernel::is_sound(founding)) return fail(ErrorKind::invalid, "the ledger's name or epoch is out of bounds");
  founder.account = kernel::account_id(founding.founder(), founding.founder_nonce());
  founder.founding = kernel::encode(founding);
  return founder;
}

constexpr std::uint32_t kMembersMax = 10'000;

// The member whose commands this key signs.
std::optional<OrganisationId> controlled_by(const replica::View& view, const crypto::PublicKey& command) {
  for (const auto& [key, row] : view.state().scan(contracts::registry::kOrganisations, Limit{kMembersMax})) {
    const auto id = OrganisationId::from(key.view().substr(1));
    const auto account = id ? view.state().get(kernel::kAccounts, *id) : std::nullopt;
    const ledger::Key* known = account ? kernel::find_key(account->authority(), kCommandKey) : nullptr;
    if (known != nullptr && known->public_key() == command.view()) return id;
  }
  return std::nullopt;
}

std::string licence_ends(const Clock& clock) {
  const BlockTime end{(contracts::day_of(clock.now()) + kLicenceDays) * contracts::kDayMs};
  return codec::fhir::format_instant(end).substr(0, 10);
}

class Admission {
 public:
  Admission(const Layout& layout, const vault::Seal& seal, Ledger& ledger, const Founder& founder, Clock& clock, Entropy& entropy)
      : layout_(layout), seal_(seal), ledger_(ledger), founder_(founder), clock_(clock), entropy_(entropy) {}

  Result<OrganisationConfig> admit(const NewOrganisation& order, vault::CommandSigner& by) {
    OrganisationConfig config;
    config.name = order.name;
    config.slug = slug_of(order.name);
    config.kind = order.kind;
    config.port = order.port;
    const std::string path = layout_.organisation_keystore(config.slug);
    const bool begun = system_files().exists(path);  // by an admission that a crash cut off
    CARELEDGER_TRY(const std::unique_ptr<Keystore> keys,
                   begun ? Keystore::open(path, seal_, clock_, entropy_) : Keystore::create(path, seal_, clock_, entropy_));
    CARELEDGER_TRY(crypto::SigningKey command, keys->signing(Purpose::command));
    if (const auto member = controlled_by(ledger_.replica().view(), command.public_key())) {
      config.id = *member;
    } else {
      CARELEDGER_TRY(const build::NewOrganisation organisation, entrant(order, *keys, entropy_));
      config.id = organisation.id();
      CARELEDGER_CHECK(send(founder_.account, by, build::admit(organisation)));
    }
    CARELEDGER_CHECK(host(config.id, *keys));
    vault::AccountSigner signer(ledger_.replica().view(), config.id, kCommandKey, std::move(command), clock_);
    const Digest nonce = entropy_.take_id<Digest>();
    const std::uint32_t until = contracts::day_of(clock_.now()) + kLicenceDays;
    CARELEDGER_CHECK(
        send(config.id, signer,
             build::accredit(nonce, contracts::registry::HolderKind::practitioner, contracts::registry::Role::physician, until)));
    config.clinician = contracts::registry::holder_id(config.id, nonce.view());
    return config;
  }

 private:
  Result<kernel::Receipt> send(const AccountId& actor, vault::CommandSigner& by, const build::Order& order) {
    CARELEDGER_TRY(Bytes command, by.sign(order.contract, order.payload));
    return ledger_.submit_and_wait(actor, std::move(command));
  }
  Result<void> host(const OrganisationId& organisation, Keystore& keys) {
    CARELEDGER_TRY(crypto::SigningKey batch, keys.signing(Purpose::batch));
    ledger_.ordering().host(organisation, std::make_shared<EnvelopeSigner>(kBatchKey, std::move(batch)));
    return {};
  }

  const Layout& layout_;
  const vault::Seal& seal_;
  Ledger& ledger_;
  const Founder& founder_;
  Clock& clock_;
  Entropy& entropy_;
};

// What the founder acts with on a ledger that is there already: the whole node, whose audit maps hold the act.
struct Reopened {
  std::unique_ptr<Node> node;
  Founder founder;
  std::unique_ptr<vault::AccountSigner> by;
};

Result<std::unique_ptr<vault::AccountSigner>> seat_founder(Ledger& ledger, const Founder& founder, const Clock& clock) {
  CARELEDGER_TRY(crypto::SigningKey batch, founder.keys->signing(Purpose::batch));
  ledger.ordering().host(founder.account, std::make_shared<EnvelopeSigner>(kBatchKey, std::move(batch)));
  CARELEDGER_TRY(crypto::SigningKey command, founder.keys->signing(Purpose::founder));
  return std::make_unique<vault::AccountSigner>(ledger.replica().view(), founder.account, kCommandKey, std::move(command), clock);
}

Result<Reopened> reopen(const Layout& layout, const SealChoice& choice, Clock& clock, Entropy& entropy) {
  Reopened out;
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  if (config.network)
    return fail(ErrorKind::unsupported, "this node belongs to a network, whose founders' powers ended at its founding: its members decide");
  CARELEDGER_TRY(out.node, Node::open(layout, choice, clock, entropy));
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, choice, false, entropy));
  CARELEDGER_TRY(out.founder.keys, Keystore::open(layout.keystore(), seal, clock, entropy));
  CARELEDGER_TRY(out.founder.founding, system_files().read_all(layout.founding(), kFoundingBytesMax));
  kernel::Founding founding;
  CARELEDGER_ASSERT(kernel::parse_canonical(out.founder.founding, founding));  // the ledger opened with it
  out.founder.account = kernel::account_id(founding.founder(), founding.founder_nonce());
  CARELEDGER_TRY(out.by, seat_founder(out.node->ledger(), out.founder, clock));
  return out;
}

// The one that came opens for the first time: its own map begins with how it came.
Result<void> begin_its_map(Node& node, const OrganisationConfig& admitted, const vault::Seal& seal, Entropy& entropy) {
  CARELEDGER_TRY(const auto entered, node.open_organisation(admitted, seal, entropy));
  CARELEDGER_CHECK(record_act(entered->audit(), vault::AuditKind::configuration, act_details("admitted", admitted.name)));
  entered->stop();
  return {};
}

Result<OrganisationConfig> admit_one_more(const Layout& layout, const SealChoice& choice, const NewOrganisation& order, Clock& clock,
                                          Entropy& entropy) {
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, choice, false, entropy));
  CARELEDGER_TRY(const Reopened at, reopen(layout, choice, clock, entropy));
  const std::string slug = slug_of(order.name);
  const Config& config = at.node->config();
  if (config.find(slug) != nullptr) return fail(ErrorKind::conflict, "this node hosts an organisation of that name already");
  if (config.organisations.size() >= kOrganisationsMax) return fail(ErrorKind::too_large, "at most 64 organisations in one process");
  OrganisationConfig admitted;
  const auto act = [&]() -> Result<void> {
    CARELEDGER_CHECK(system_files().make_folder(layout.organisation(slug)));
    Admission admission(layout, seal, at.node->ledger(), at.founder, clock, entropy);
    CARELEDGER_TRY(admitted, admission.admit(order, *at.by));
    CARELEDGER_CHECK(begin_its_map(*at.node, admitted, seal, entropy));
    // Last: until it is named there, the same command ends what was begun.
    CARELEDGER_CHECK(change_config(system_files(), layout.config(), [&admitted](Config& now) -> Result<void> {
      now.organisations.push_back(admitted);
      return {};
    }));
    return {};
  };
  CARELEDGER_CHECK(record_around(*at.node, vault::AuditKind::configuration, act_details("admitted", order.name), act));
  at.node->stop();
  return admitted;
}

Result<OrganisationId> member(const replica::View& view, const std::string& name_or_hex) {
  for (const auto& [key, row] : view.state().scan(contracts::registry::kOrganisations, Limit{kMembersMax})) {
    const auto id = OrganisationId::from(key.view().substr(1));
    if (id && (row.name() == name_or_hex || id->hex() == name_or_hex)) return *id;
  }
  return fail(ErrorKind::not_found, "the ledger knows no organisation \"" + name_or_hex + "\"");
}

}  // namespace

Result<build::NewOrganisation> entrant(const NewOrganisation& organisation, Keystore& keys, Entropy& entropy) {
  build::NewOrganisation out;
  CARELEDGER_TRY(const crypto::SigningKey command, keys.signing(Purpose::command));
  out.authority = kernel::single_key(command.public_key());
  constexpr std::pair<Purpose, kernel::KeyRole> kOthers[] = {{Purpose::batch, kernel::KeyRole::batch},
                                                             {Purpose::http_signature, kernel::KeyRole::request},
                                                             {Purpose::cosign, kernel::KeyRole::checkpoint},
                                                             {Purpose::promise, kernel::KeyRole::promise}};
  for (const auto& [purpose, role] : kOthers) {
    CARELEDGER_TRY(const crypto::SigningKey key, keys.signing(purpose));
    kernel::add_key(out.authority, role, key.public_key());
  }
  CARELEDGER_TRY(const crypto::OpeningKey opening, keys.opening());
  CARELEDGER_TRY(const std::uint32_t kind, kind_number(organisation.kind));
  out.nonce = entropy.take_id<Digest>();
  out.name = organisation.name;
  out.kind = static_cast<contracts::registry::OrganisationKind>(kind);
  out.sealing_key = opening.public_key();
  return out;
}

Result<OrganisationConfig> admit_organisation(const Layout& layout, const SealChoice& choice, const NewOrganisation& order, Clock& clock,
                                              Entropy& entropy) {
  NewLedger alone;
  alone.organisations = {order};
  CARELEDGER_CHECK(check(alone));
  return admit_one_more(layout, choice, order, clock, entropy);
}

Result<void> set_standing(const Layout& layout, const SealChoice& choice, const std::string& organisation, Standing standing, Clock& clock,
                          Entropy& entropy) {
  CARELEDGER_TRY(const Reopened at, reopen(layout, choice, clock, entropy));
  CARELEDGER_TRY(const OrganisationId id, member(at.node->ledger().replica().view(), organisation));
  const bool suspends = standing == Standing::suspended;
  const build::Order order = suspends ? build::suspend(id) : build::reinstate(id);
  const Bytes details = act_details(suspends ? "suspended" : "reinstated", id.hex());
  const auto act = [&]() -> Result<void> {
    CARELEDGER_TRY(Bytes command, at.by->sign(order.contract, order.payload));
    CARELEDGER_CHECK(at.node->ledger().submit_and_wait(at.founder.account, std::move(command)));
    return {};
  };
  CARELEDGER_CHECK(record_around(*at.node, vault::AuditKind::configuration, details, act));
  at.node->stop();
  return {};
}

Result<Config> found_ledger(const Layout& layout, const NewLedger& order, Clock& clock, Entropy& entropy,
                            const std::function<void(const std::string&)>& step) {
  const auto tell = [&](const std::string& what) {
    if (step) step(what);
  };
  Files& files = system_files();
  CARELEDGER_CHECK(check(order));
  CARELEDGER_CHECK(make_folders(files, layout, order));
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, order.seal, true, entropy));
  CARELEDGER_TRY(const Founder founder, make_founder(layout, order, seal, clock, entropy));
  CARELEDGER_CHECK(files.replace(layout.founding(), founder.founding));
  CARELEDGER_TRY(const std::unique_ptr<Ledger> ledger, Ledger::open(layout, founder.founding, *founder.keys, clock));
  tell("founded the ledger " + kernel::chain_id(ledger->replica().ledger()));

  CARELEDGER_TRY(const auto by, seat_founder(*ledger, founder, clock));

  Config config;
  config.name = order.name;
  config.ledger = ledger->replica().ledger();
  config.rpc_ports = order.rpc_ports;
  Admission admission(layout, seal, *ledger, founder, clock, entropy);
  for (const NewOrganisation& organisation : order.organisations) {
    CARELEDGER_TRY(OrganisationConfig admitted, admission.admit(organisation, *by));
    tell("admitted " + admitted.name + " (" + admitted.kind + "), which accredited a physician until " + licence_ends(clock));
    config.organisations.push_back(std::move(admitted));
  }
  ledger->stop();
  CARELEDGER_CHECK(write_config(files, layout.config(), config));
  return config;
}

}  // namespace careledger::apps
