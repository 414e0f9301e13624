#include "apps/network/founding.h"

#include <algorithm>
#include <map>

#include "apps/founding.h"
#include "apps/ledger.h"
#include "contracts/governance/governance.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "ordering/abci/engine_home.h"

namespace careledger::apps::network {
namespace {

using vault::Keystore;
using vault::Purpose;

Result<std::unique_ptr<Keystore>> keystore_at(const std::string& path, const vault::Seal& seal, Clock& clock, Entropy& entropy) {
  return system_files().exists(path) ? Keystore::open(path, seal, clock, entropy) : Keystore::create(path, seal, clock, entropy);
}

Result<void> check_folder(const Layout& layout, const std::string& slug) {
  Files& files = system_files();
  CARELEDGER_CHECK(ordering::abci::check_sockets(layout.engine()));
  if (files.exists(layout.config())) {
    CARELEDGER_TRY(const Config config, read_config(files, layout.config()));
    if (config.network && config.organisations.front().slug == slug) return {};  // it moved, or its description expired
    return fail(ErrorKind::conflict, layout.folder + " holds a ledger already; a member describes itself in a folder of its own");
  }
  if (!files.exists(layout.folder)) return {};
  CARELEDGER_TRY(const std::vector<std::string> names, files.list(layout.folder));
  if (!names.empty() && !(files.exists(layout.keystore()) && files.exists(layout.organisation(slug))))
    return fail(ErrorKind::conflict, layout.folder + " is not empty; choose another folder, or remove it if nothing in it is needed");
  return {};
}

kernel::FoundingMember member_of(const contracts::build::NewOrganisation& entrant, const DescribeOrder& order,
                                 const crypto::PublicKey& validator) {
  kernel::FoundingMember member;
  *member.mutable_authority() = entrant.authority;
  member.set_nonce(entrant.nonce.bytes());
  member.set_name(entrant.name);
  member.set_kind(static_cast<std::uint32_t>(entrant.kind));
  member.set_sealing_key(entrant.sealing_key.bytes());
  member.set_weight(order.weight);
  member.set_group(order.group);
  if (order.weight > 0) member.set_validator_key(validator.bytes());
  return member;
}

Result<std::vector<Description>> read_all(const std::vector<DescriptionFile>& files, std::optional<BlockTime> now) {
  std::vector<Description> out;
  for (const DescriptionFile& file : files) {
    CARELEDGER_TRY(Description read, read_description(file, now));
    out.push_back(std::move(read));
  }
  return out;
}

// Asks for admission by that network's members, as the description says.
void apply_to(const kernel::Founding& founding, Description& description, const DescriptionKeys& keys) {
  const LedgerId ledger = kernel::ledger_id(kernel::encode(founding));
  const Bytes claim = contracts::governance::rotation_bytes(ledger, kernel::account_id(description.member), description.validator.view());
  description.application = {ledger, keys.validator.sign(claim), {}};
  const Bytes asked = contracts::governance::admission_bytes(ledger, admission_of(description));
  description.application->consent = keys.command.sign(asked);
}

// Described again it is the same account, so that nobody votes on one and lets another in.
Result<void> keep_nonce(const Layout& layout, contracts::build::NewOrganisation& entrant) {
  if (!system_files().exists(layout.description())) return {};
  CARELEDGER_TRY(const Bytes text, own_description(layout));
  CARELEDGER_TRY(const Description before, read_description(text, std::nullopt));
  if (before.member.name() != entrant.name)
    return fail(ErrorKind::conflict,
                layout.folder + " is of " + before.member.name() + "; another organisation describes itself elsewhere");
  entrant.nonce = *Digest::from(before.member.nonce());
  return {};
}

// Of a folder that has its ledger.
Result<std::optional<Config>> settled_config(const Layout& layout) {
  if (!system_files().exists(layout.config())) return std::nullopt;
  CARELEDGER_TRY(Config config, read_config(system_files(), layout.config()));
  return std::optional(std::move(config));
}

Result<void> check_same(const std::optional<Config>& settled, const Description& description) {
  if (!settled) return {};
  if (settled->name != description.network)
    return fail(ErrorKind::conflict, "this folder is of a member of \"" + settled->name + "\", not of \"" + description.network + "\"");
  if (settled->organisations.front().id == kernel::account_id(description.member)) return {};
  return fail(ErrorKind::conflict, "this would describe another account than the one of " + settled->organisations.front().name +
                                       ": its keys were rotated since it came in, or its description.json is gone");
}

// A member is where it says from its next start on.
Result<void> move_to(const Layout& layout, const std::optional<Config>& settled, const Description& description) {
  if (!settled) return {};
  CARELEDGER_CHECK(change_config(system_files(), layout.config(), [&](Config& config) -> Result<void> {
    config.network->listen = description.listen;
    config.organisations.front().port = port_of(description.api);
    return {};
  }));
  return {};
}

}  // namespace

// What is_sound() would refuse, said so that people know whom to ask.
Result<void> check_votes(const kernel::Founding& founding) {
  std::map<std::string, std::string> names, validators;
  int votes = 0;
  for (const auto& member : founding.members()) {
    if (!names.emplace(slug_of(member.name()), member.name()).second)
      return fail(ErrorKind::conflict,
                  "two descriptions are of \"" + member.name() + "\", or of names that read alike: take the newest of each organisation");
    if (member.weight() == 0) continue;
    ++votes;
    const auto [other, fresh] = validators.emplace(member.validator_key(), member.name());
    if (!fresh) return fail(ErrorKind::conflict, other->second + " and " + member.name() + " have one validator key: each needs its own");
  }
  if (votes < kernel::kValidatorsMin)
    return fail(ErrorKind::invalid,
                "a network needs at least four organisations with a vote, so that one may fail; there are " + std::to_string(votes));
  if (!kernel::is_capped(founding))
    return fail(ErrorKind::invalid,
                "one organisation, or one group of them, would have a third of all votes and could stop the ledger: lower its weight or "
                "find more members");
  return {};
}

Result<Bytes> describe(const Layout& layout, const DescribeOrder& order, Clock& clock, Entropy& entropy) {
  const std::string slug = slug_of(order.organisation);
  if (slug.empty() || slug.size() > 64)
    return fail(ErrorKind::invalid, "organisation \"" + order.organisation + "\": a name needs 1 to 64 letters or digits");
  CARELEDGER_CHECK(kind_number(order.kind));
  CARELEDGER_CHECK(check_folder(layout, slug));
  CARELEDGER_CHECK(system_files().make_folder(layout.organisation(slug)));
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, order.seal, true, entropy));
  CARELEDGER_TRY(const auto own, keystore_at(layout.organisation_keystore(slug), seal, clock, entropy));
  CARELEDGER_TRY(const auto ledger, keystore_at(layout.keystore(), seal, clock, entropy));
  CARELEDGER_TRY(const crypto::SigningKey command, own->signing(Purpose::command));
  CARELEDGER_TRY(const crypto::SigningKey validator, ledger->signing(Purpose::validator));
  CARELEDGER_TRY(const crypto::SigningKey node, ledger->signing(Purpose::engine_node));
  CARELEDGER_TRY(auto entrant, apps::entrant({order.organisation, order.kind, 0}, *own, entropy));
  CARELEDGER_CHECK(keep_nonce(layout, entrant));
  Description description;
  description.network = order.joins ? order.joins->name() : order.network;
  description.epoch_ms = order.joins ? order.joins->epoch_ms() : order.epoch_ms;
  description.member = member_of(entrant, order, validator.public_key());
  description.validator = validator.public_key();
  description.node = node.public_key();
  description.listen = order.listen;
  description.api = order.api;
  description.described = clock.now();
  description.expires = {description.described.value + std::int64_t{order.days} * 86'400'000};
  const DescriptionKeys keys{command, validator, node};
  if (order.joins) apply_to(*order.joins, description, keys);
  Bytes text = write_description(description, keys);
  CARELEDGER_CHECK(read_description(text, clock.now()));  // what others would refuse is not written
  CARELEDGER_TRY(auto settled, settled_config(layout));
  CARELEDGER_CHECK(check_same(settled, description));
  CARELEDGER_CHECK(system_files().replace(layout.description(), text));
  CARELEDGER_CHECK(move_to(layout, settled, description));
  return text;
}

Result<kernel::Founding> founding_of(const std::vector<Description>& descriptions) {
  kernel::Founding founding;
  founding.set_format(kernel::kFoundedTogether);
  founding.set_protocol(kProtocol);
  std::vector<kernel::FoundingMember> members;
  for (const Description& one : descriptions) {
    const Description& first = descriptions.front();
    if (one.network != first.network)
      return fail(ErrorKind::conflict, first.member.name() + " describes itself for \"" + first.network + "\" and " + one.member.name() +
                                           " for \"" + one.network + "\": agree on one name");
    if (one.epoch_ms != first.epoch_ms)
      return fail(ErrorKind::conflict, first.member.name() + " wants an epoch of " + std::to_string(first.epoch_ms) + " ms and " +
                                           one.member.name() + " one of " + std::to_string(one.epoch_ms) + " ms: agree on one");
    if (one.application)
      return fail(ErrorKind::conflict, one.member.name() +
                                           " describes itself to join a network that is there already: describe it anew "
                                           "without --founding");
    founding.set_name(one.network);
    founding.set_epoch_ms(one.epoch_ms);
    founding.set_created_ms(std::max(founding.created_ms(), one.described.value));
    members.push_back(one.member);
  }
  CARELEDGER_CHECK(check_apart(descriptions));
  std::ranges::sort(members, {}, [](const kernel::FoundingMember& member) { return kernel::account_id(member); });
  for (auto& member : members) *founding.add_members() = std::move(member);
  CARELEDGER_CHECK(check_votes(founding));
  if (!kernel::is_sound(founding))
    return fail(ErrorKind::invalid, "these descriptions do not found a ledger: a name or a number is out of bounds");
  return founding;
}

Result<void> compare_texts(const std::string& ours, const std::string& theirs) {
  std::size_t line = 0;
  for (std::size_t a = 0, b = 0; a < ours.size() || b < theirs.size();) {
    const auto cut = [](const std::string& text, std::size_t& at) {
      if (at >= text.size()) return std::string("nothing");
      const std::size_t end = std::min(text.find('\n', at), text.size());
      std::string out = text.substr(at, end - at);
      at = end + 1;
      return out;
    };
    const std::string here = cut(ours, a), there = cut(theirs, b);
    // The first line is the sum of all others: what it comes from says more.
    if (++line > 1 && here != there)
      return fail(ErrorKind::conflict, "line " + std::to_string(line) + " differs: here \"" + here + "\", there \"" + there + "\"");
  }
  if (ours != theirs)
    return fail(ErrorKind::conflict, "line 1 differs, and no other: a key of a member that is not shown; compare the files");
  return {};
}

Result<Config> found(const Layout& layout, const std::vector<DescriptionFile>& inputs, const std::vector<std::uint16_t>& rpc_ports,
                     const Clock& clock) {
  CARELEDGER_TRY(const Bytes own_text, own_description(layout));
  const bool among = std::ranges::any_of(inputs, [&](const DescriptionFile& file) { return file.text == own_text; });
  if (!among)
    return fail(ErrorKind::invalid, "this organisation's own description is not among the files, or not its newest: add " +
                                        layout.description() + ", and give it to the others");
  // Once it is founded it can be compared with another's as long as people like.
  const auto now = system_files().exists(layout.config()) ? std::nullopt : std::optional(clock.now());
  CARELEDGER_TRY(const std::vector<Description> descriptions, read_all(inputs, now));
  CARELEDGER_TRY(const Description own, read_description(own_text, now));
  CARELEDGER_TRY(const kernel::Founding founding, founding_of(descriptions));
  return settle(layout, founding, member_config(founding, own, descriptions, rpc_ports));
}

}  // namespace careledger::apps::network
