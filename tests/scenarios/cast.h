// The people, organisations and keys that scenario files speak of by name. A name gives a key (its seed is the hash of the name), an
// authority, an account; the same name always gives the same ones.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/kernel.pb.h"
#include "kernel/sign.h"

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace careledger::scenarios {

Digest digest_of_name(const std::string& name);

class Cast {
 public:
  const crypto::SigningKey& key(const std::string& name);
  const ledger::Authority& authority(const std::string& name);  // as defined, else one command key of that name
  void define_authority(const std::string& name, ledger::Authority authority) { authorities_.insert_or_assign(name, std::move(authority)); }
  AccountId account(const std::string& name);               // of authority(name) and the nonce of that name
  RelationshipId relationship(const std::string& patient);  // of the patient and the organisation last told
  void tell_relationship(const std::string& patient, const std::string& organisation) { organisations_[patient] = organisation; }
  Digest holder(const std::string& name_at_organisation);  // "anna@north"
  // "a,b" or "1:a,3:c" (number in the authority : key name); numbers count from 1 when left out.
  std::vector<kernel::Signer> signers(const std::string& list);
  kernel::Founding founding();
  // "a", "b:20" (weight) or "c@trust" (group): together they found a network.
  kernel::Founding network(const std::vector<std::string>& members);
  Digest proposal(const std::string& name) const;  // as told, else of nothing
  void tell_proposal(const std::string& name, const Digest& id) { proposals_[name] = id; }

 private:
  std::map<std::string, crypto::SigningKey> keys_;
  std::map<std::string, ledger::Authority> authorities_;
  std::map<std::string, AccountId> accounts_;
  std::map<std::string, std::string> organisations_;
  std::map<std::string, Digest> proposals_;
};

std::int64_t duration_ms(const std::string& text);  // "5ms", "2h", "3d"
std::vector<std::string> split(const std::string& text, char by);

// Where a field's text is turned into its value.
struct Scene {
  Cast& cast;
  BlockTime now;
  LedgerId ledger;
  AccountId actor;
};
// Fills one field of a command, or of a message in it ("action.admit.weight"), from its text; throws std::runtime_error with what is wrong.
void fill(const Scene& scene, google::protobuf::Message& command, const std::string& field, const std::string& text);

}  // namespace careledger::scenarios
