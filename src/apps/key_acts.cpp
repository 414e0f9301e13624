#include "apps/key_acts.h"

#include "apps/act_record.h"
#include "apps/node.h"
#include "apps/rotation.h"
#include "vault/rewrap.h"

namespace careledger::apps {
namespace {

using vault::Keystore;
using vault::Seal;

Result<OrganisationConfig> find_organisation(const KeyPlace& place) {
  CARELEDGER_TRY(const Config config, read_config(system_files(), place.layout.config()));
  const OrganisationConfig* found = config.find(place.organisation);
  if (found == nullptr) return fail(ErrorKind::not_found, "this node hosts no organisation \"" + place.organisation + "\"");
  return *found;
}

Result<void> record(Organisation& organisation, const std::string& act, bool before) {
  const Bytes details = act_details("keys", act);
  return record_act(organisation.audit(), vault::AuditKind::key_use, before ? begun(details) : details);
}

// In one organisation's audit map, or in those of all when `name` is empty.
Result<void> record_in(const Layout& layout, const SealChoice& seal, const std::string& name, const std::string& act, bool before,
                       Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const auto node, Node::open_at_rest(layout, seal, clock, entropy));
  for (const auto& organisation : node->organisations())
    if (name.empty() || organisation->config().slug == name) CARELEDGER_CHECK(record(*organisation, act, before));
  return {};
}

// False when it was sealed anew before.
Result<bool> reseal_one(const std::string& path, const Seal& old, const Seal& next, Clock& clock, Entropy& entropy) {
  if (Keystore::open(path, next, clock, entropy)) return false;
  CARELEDGER_TRY(const auto keys, Keystore::open(path, old, clock, entropy));
  CARELEDGER_CHECK(keys->seal_under(next));
  return true;
}

}  // namespace

Result<std::vector<vault::KeyInfo>> list_keys(const KeyPlace& place, Clock& clock, Entropy& entropy) {
  std::string path = place.layout.keystore();
  if (!place.organisation.empty()) {
    CARELEDGER_TRY(const OrganisationConfig organisation, find_organisation(place));
    path = place.layout.organisation_keystore(organisation.slug);
  }
  CARELEDGER_TRY(const Seal seal, open_seal(place.layout, place.seal, false, entropy));
  CARELEDGER_TRY(const auto keys, Keystore::open(path, seal, clock, entropy));
  return keys->inventory();
}

Result<std::uint32_t> rotate_keys(const KeyPlace& place, const network::JoinOrder& order, Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const OrganisationConfig organisation, find_organisation(place));
  CARELEDGER_TRY(const Config config, read_config(system_files(), place.layout.config()));
  network::EngineChoice engine;
  if (config.network) {
    CARELEDGER_CHECK(network::await_block_after(place.layout, clock.now(), order, clock, entropy));
    engine = {.program = order.engine, .snapshot_every = 0};
  }
  CARELEDGER_TRY(const auto node, Node::open(place.layout, place.seal, clock, entropy, engine));
  Organisation& rotating = *node->find(organisation.slug);
  CARELEDGER_CHECK(record(rotating, "rotate", true));
  CARELEDGER_TRY(const std::uint32_t version, rotate_keys(rotating, node->ledger()));
  CARELEDGER_CHECK(record(rotating, "rotate", false));
  return version;
}

Result<void> rewrap_keys(const KeyPlace& place, Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const OrganisationConfig organisation, find_organisation(place));
  const std::string& slug = organisation.slug;
  CARELEDGER_CHECK(record_in(place.layout, place.seal, slug, "rewrap", true, clock, entropy));
  {
    CARELEDGER_TRY(const auto lock, lock_folder(place.layout));
    CARELEDGER_TRY(const Seal seal, open_seal(place.layout, place.seal, false, entropy));
    CARELEDGER_TRY(const auto keys, Keystore::open(place.layout.organisation_keystore(slug), seal, clock, entropy));
    CARELEDGER_CHECK(vault::rewrap({place.layout.vault(slug), place.layout.audit(slug)}, *keys, entropy));
  }
  return record_in(place.layout, place.seal, slug, "rewrap", false, clock, entropy);
}

Result<std::size_t> reseal_keystores(const KeyPlace& place, const SealChoice& choice, Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const Config config, read_config(system_files(), place.layout.config()));
  CARELEDGER_TRY(const Seal old, open_seal(place.layout, place.seal, false, entropy));
  std::vector<std::string> paths{place.layout.keystore()};
  for (const OrganisationConfig& organisation : config.organisations)
    paths.push_back(place.layout.organisation_keystore(organisation.slug));
  // With wrong_key a reseal was cut off: it recorded that it began.
  if (auto begun = record_in(place.layout, place.seal, {}, "reseal", true, clock, entropy);
      !begun && begun.error().kind != ErrorKind::wrong_key)
    return tl::make_unexpected(std::move(begun.error()));
  CARELEDGER_TRY(const Seal next, open_seal(place.layout, choice, true, entropy));
  {
    CARELEDGER_TRY(const auto lock, lock_folder(place.layout));
    for (const std::string& path : paths) CARELEDGER_CHECK(reseal_one(path, old, next, clock, entropy));
  }
  CARELEDGER_CHECK(record_in(place.layout, choice, {}, "reseal", false, clock, entropy));
  return paths.size();
}

}  // namespace careledger::apps
