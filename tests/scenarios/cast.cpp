#include "cast.h"

#include <google/protobuf/message.h>

#include <algorithm>
#include <stdexcept>

#include "contracts/governance/governance.h"
#include "contracts/registry/registry.h"
#include "contracts/relationship/relationship.h"
#include "crypto/hash.h"
#include "kernel/tables.h"

namespace careledger::scenarios {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

Digest digest_of_name(const std::string& name) { return crypto::tagged_hash("scenario", {name}); }

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start <= text.size() && !text.empty()) {
    const auto end = std::min(text.find(by, start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

const crypto::SigningKey& Cast::key(const std::string& name) {
  auto found = keys_.find(name);
  if (found == keys_.end()) {
    const auto seed = crypto::Secret::copy_of(digest_of_name("key " + name).view());
    found = keys_.emplace(name, *crypto::SigningKey::from_seed(seed)).first;
  }
  return found->second;
}

const ledger::Authority& Cast::authority(const std::string& name) {
  auto found = authorities_.find(name);
  if (found == authorities_.end()) found = authorities_.emplace(name, kernel::single_key(key(name).public_key())).first;
  return found->second;
}

AccountId Cast::account(const std::string& name) {
  auto found = accounts_.find(name);
  if (found == accounts_.end()) found = accounts_.emplace(name, kernel::account_id(authority(name), digest_of_name(name).view())).first;
  return found->second;
}

RelationshipId Cast::relationship(const std::string& patient) {
  const auto found = organisations_.find(patient);
  if (found == organisations_.end()) return id_cast<RelationshipId>(digest_of_name(patient));
  return contracts::relationship::relationship_id(account(found->second), account(patient));
}

Digest Cast::holder(const std::string& name_at_organisation) {
  const auto parts = split(name_at_organisation, '@');
  if (parts.size() != 2) return digest_of_name(name_at_organisation);
  return contracts::registry::holder_id(account(parts[1]), digest_of_name(parts[0]).view());
}

std::vector<kernel::Signer> Cast::signers(const std::string& list) {
  std::vector<kernel::Signer> signers;
  for (const auto& entry : split(list, ',')) {
    const auto colon = entry.find(':');
    const auto number = colon == std::string::npos ? signers.size() + 1 : std::stoul(entry.substr(0, colon));
    const auto name = colon == std::string::npos ? entry : entry.substr(colon + 1);
    signers.push_back({static_cast<std::uint32_t>(number), &key(name)});
  }
  return signers;
}

kernel::Founding Cast::founding() {
  auto founder = kernel::single_key(key("founder").public_key());
  kernel::add_key(founder, kernel::KeyRole::batch, key("founder.batch").public_key());
  define_authority("founder", founder);
  kernel::Founding founding;
  founding.set_format(1);
  founding.set_name("scenario");
  founding.set_created_ms(1'800'000'000'000);
  *founding.mutable_founder() = founder;
  founding.set_founder_nonce(digest_of_name("founder").bytes());
  founding.set_epoch_ms(1000);
  founding.set_protocol(1);
  return founding;
}

kernel::Founding Cast::network(const std::vector<std::string>& members) {
  kernel::Founding founding;
  founding.set_format(kernel::kFoundedTogether);
  founding.set_name("scenario");
  founding.set_created_ms(1'800'000'000'000);
  founding.set_epoch_ms(1000);
  founding.set_protocol(1);
  std::vector<kernel::FoundingMember> rows;
  for (const auto& word : members) {
    const auto group = split(word, '@');
    const auto parts = split(group[0], ':');
    auto authority = kernel::single_key(key(parts[0]).public_key());
    kernel::add_key(authority, kernel::KeyRole::batch, key(parts[0] + ".batch").public_key());
    define_authority(parts[0], authority);
    auto& row = rows.emplace_back();
    *row.mutable_authority() = authority;
    row.set_nonce(digest_of_name(parts[0]).bytes());
    row.set_name(parts[0]);
    row.set_kind(1);
    row.set_sealing_key(digest_of_name(parts[0]).bytes());
    row.set_weight(parts.size() > 1 ? std::stoul(parts[1]) : 10);
    if (row.weight() > 0) row.set_validator_key(key(parts[0] + ".validator").public_key().bytes());
    if (group.size() > 1) row.set_group(group[1]);
  }
  std::ranges::sort(rows, {}, [](const kernel::FoundingMember& row) { return kernel::account_id(row); });
  for (auto& row : rows) *founding.add_members() = std::move(row);
  return founding;
}

Digest Cast::proposal(const std::string& name) const {
  const auto found = proposals_.find(name);
  return found == proposals_.end() ? digest_of_name(name) : found->second;
}

std::int64_t duration_ms(const std::string& text) {
  std::size_t used = 0;
  const long long count = std::stoll(text, &used);
  const std::string unit = text.substr(used);
  if (unit == "ms") return count;
  if (unit == "s") return count * 1000;
  if (unit == "m") return count * 60'000;
  if (unit == "h") return count * 3'600'000;
  if (unit == "d") return count * 86'400'000;
  throw std::runtime_error("no such unit of time: " + text);
}

namespace {

Bytes bytes_of(const Scene& scene, const std::string& field, const std::string& text) {
  if (text.starts_with("hex:")) return from_hex(text.substr(4)).value();
  if (field == "organisation") return scene.cast.account(text).bytes();
  if (field == "relationship") return scene.cast.relationship(text).bytes();
  if (field == "holder") return scene.cast.holder(text).bytes();
  if (field == "proposal") return scene.cast.proposal(text).bytes();
  if (field == "validator_key" || field == "key") return scene.cast.key(text).public_key().bytes();
  return digest_of_name(text).bytes();
}

std::uint64_t number_of(const Scene& scene, const std::string& text) {
  static const std::map<std::string, std::uint64_t> words{
      {"hospital", 1},      {"clinic", 2},       {"pharmacy", 3},       {"laboratory", 4}, {"insurer", 5},
      {"regulator", 11},    {"practitioner", 1}, {"device", 2},         {"physician", 1},  {"nurse", 2},
      {"proposal_days", 1}, {"freeze_days", 2},  {"deciding_kinds", 3}, {"block_bytes", 4}};
  if (const auto word = words.find(text); word != words.end()) return word->second;
  if (text.ends_with("d")) return static_cast<std::uint64_t>(scene.now.value / 86'400'000 + std::stol(text));
  return std::stoull(text);
}

void fill_message(const Scene& scene, Message& command, const FieldDescriptor& field, const std::string& text) {
  if (field.message_type() == ledger::Authority::descriptor()) {
    command.GetReflection()->MutableMessage(&command, &field)->CopyFrom(scene.cast.authority(text));
  } else if (field.message_type() == ledger::Key::descriptor()) {
    command.GetReflection()->MutableMessage(&command, &field)->CopyFrom(scene.cast.authority(text).keys(0));
  } else {
    throw std::runtime_error("no text form for " + field.full_name());
  }
}

void fill_repeated(const Scene& scene, Message& command, const FieldDescriptor& field, const std::string& text) {
  const auto* reflection = command.GetReflection();
  if (field.name() == "proofs") {  // by these keys, over the authority already filled in
    const auto* authority = command.GetDescriptor()->FindFieldByName("authority");
    const auto& next = dynamic_cast<const ledger::Authority&>(reflection->GetMessage(command, authority));
    const Bytes signed_bytes = contracts::relationship::handover_bytes(scene.ledger, scene.actor, next);
    for (const auto& signer : scene.cast.signers(text)) {
      reflection->AddMessage(&command, &field)->CopyFrom(kernel::sign_bytes(signed_bytes, signer));
    }
    return;
  }
  std::vector<Bytes> values;
  for (const auto& word : split(text, ',')) values.push_back(bytes_of(scene, field.name(), word));
  std::sort(values.begin(), values.end());
  for (auto& value : values) reflection->AddString(&command, &field, std::move(value));
}

// Who shall have the key: whom the command names, or else its sender.
AccountId holder_of(const Scene& scene, const Message& command) {
  if (const auto* admit = dynamic_cast<const contracts::governance::AdmitMember*>(&command))
    return kernel::account_id(admit->organisation().authority(), admit->organisation().nonce());
  if (const auto* weight = dynamic_cast<const contracts::governance::SetWeight*>(&command))
    return AccountId::from(weight->organisation()).value();
  return scene.actor;
}

// By this key, over the validator key already filled in.
void fill_proof(const Scene& scene, Message& command, const FieldDescriptor& field, const std::string& text) {
  const auto& type = *command.GetDescriptor();
  const auto* key = type.FindFieldByName("key") != nullptr ? type.FindFieldByName("key") : type.FindFieldByName("validator_key");
  const Bytes next = command.GetReflection()->GetString(command, key);
  const Bytes signed_bytes = contracts::governance::rotation_bytes(scene.ledger, holder_of(scene, command), next);
  command.GetReflection()->SetString(&command, &field, Bytes(scene.cast.key(text).sign(signed_bytes).view()));
}

// By this key, over all that is filled in already.
void fill_consent(const Scene& scene, Message& command, const std::string& text) {
  auto& admit = dynamic_cast<contracts::governance::AdmitMember&>(command);
  const Bytes signed_bytes = contracts::governance::admission_bytes(scene.ledger, admit);
  admit.set_consent(Bytes(scene.cast.key(text).sign(signed_bytes).view()));
}

struct Place {  // "ben:20@trust!": a weight, a group, and whether another's key signs instead
  std::string name;
  std::uint64_t weight = 10;
  std::string group;
  bool is_forged = false;
};
Place place_of(std::string word) {
  Place place;
  place.is_forged = word.ends_with('!');
  if (place.is_forged) word.pop_back();
  const auto group = split(word, '@');
  const auto parts = split(group[0], ':');
  place.name = parts[0];
  if (parts.size() > 1) place.weight = std::stoul(parts[1]);
  if (group.size() > 1) place.group = group[1];
  return place;
}

template <class Vote>  // Seat or AdmitMember
void fill_vote(const Scene& scene, const Place& place, const AccountId& id, Vote& vote) {
  vote.set_weight(place.weight);
  vote.set_group(place.group);
  if (place.weight == 0) return;
  const std::string key = place.name + ".validator";
  vote.set_validator_key(scene.cast.key(key).public_key().bytes());
  const Bytes claim = contracts::governance::rotation_bytes(scene.ledger, id, vote.validator_key());
  vote.set_proof(Bytes(scene.cast.key(place.is_forged ? "thief" : key).sign(claim).view()));
}

// seats=north,south:20 of organisations that are on the ledger; members=ben,cat@trust of those who come.
void fill_growth(const Scene& scene, contracts::governance::Grow& grow, const std::string& field, const std::string& text) {
  for (const auto& word : split(text, ',')) {
    const Place place = place_of(word);
    const AccountId id = scene.cast.account(place.name);
    if (field == "seats") {
      auto& seat = *grow.add_seats();
      seat.set_organisation(id.bytes());
      fill_vote(scene, place, id, seat);
      continue;
    }
    auto& member = *grow.add_members();
    auto& organisation = *member.mutable_organisation();
    *organisation.mutable_authority() = scene.cast.authority(place.name);
    organisation.set_nonce(digest_of_name(place.name).bytes());
    organisation.set_name(place.name);
    organisation.set_kind(1);
    organisation.set_sealing_key(digest_of_name(place.name).bytes());
    member.set_until_ms(scene.now.value + duration_ms("1h"));
    fill_vote(scene, place, id, member);
    fill_consent(scene, member, place.name);
  }
}

}  // namespace

void fill(const Scene& scene, Message& command, const std::string& path, const std::string& text) {
  const auto dot = path.find('.');
  const std::string name = path.substr(0, dot);
  const auto* field = command.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr) throw std::runtime_error("no field " + name + " in " + command.GetTypeName());
  const auto* reflection = command.GetReflection();
  if (dot != std::string::npos) return fill(scene, *reflection->MutableMessage(&command, field), path.substr(dot + 1), text);
  if (name == "proof") return fill_proof(scene, command, *field, text);
  if (name == "consent") return fill_consent(scene, command, text);
  if (auto* grow = dynamic_cast<contracts::governance::Grow*>(&command); grow != nullptr && field->is_repeated())
    return fill_growth(scene, *grow, name, text);
  if (field->is_repeated()) return fill_repeated(scene, command, *field, text);
  switch (field->type()) {
    case FieldDescriptor::TYPE_BYTES: return reflection->SetString(&command, field, bytes_of(scene, name, text));
    case FieldDescriptor::TYPE_STRING: return reflection->SetString(&command, field, text);
    case FieldDescriptor::TYPE_BOOL: return reflection->SetBool(&command, field, text == "yes");
    case FieldDescriptor::TYPE_INT64: return reflection->SetInt64(&command, field, scene.now.value + duration_ms(text));
    case FieldDescriptor::TYPE_UINT32: return reflection->SetUInt32(&command, field, static_cast<std::uint32_t>(number_of(scene, text)));
    case FieldDescriptor::TYPE_UINT64: return reflection->SetUInt64(&command, field, number_of(scene, text));
    case FieldDescriptor::TYPE_MESSAGE: return fill_message(scene, command, *field, text);
    default: throw std::runtime_error("no text form for " + field->full_name());
  }
}

}  // namespace careledger::scenarios
