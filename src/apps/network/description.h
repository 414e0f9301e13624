// What one organisation says of itself before a consortium is founded, or before it joins one: public keys, vote, addresses, no secret. A
// text file that people exchange and read; each party founds the same ledger from the same descriptions. docs/formats/network.md has it
// field by field.
//
// It is signed by three of the keys that it names, those of commands, validator and engine node, so that nobody describes another's. Who
// wants to join a network that was founded without him names its ledger, too, with what the vote about his admission must contain.
//
// Thread-safety: values; pure functions.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "contracts/governance/governance.h"
#include "crypto/sign.h"
#include "kernel/kernel.pb.h"

namespace careledger::apps::network {

inline constexpr std::size_t kDescriptionBytesMax = 64 * 1024;

struct Description {
  std::string network;  // name of the ledger that is to be founded
  std::uint32_t epoch_ms = 0;
  kernel::FoundingMember member;
  crypto::PublicKey validator;  // of a follower, too, who has no vote with it
  crypto::PublicKey node;       // by which engines know each other
  std::string listen;           // "host:port" for other engines
  std::string api;              // "https://host:port" for other organisations, without a slash at the end
  BlockTime described;
  BlockTime expires;

  struct Application {
    LedgerId ledger;
    crypto::Signature proof;    // by the validator key, over governance::rotation_bytes()
    crypto::Signature consent;  // by the command key, over governance::admission_bytes()
  };
  std::optional<Application> application{};  // of one who wants to join
};

// What a vote about it decides, all of it signed by whom it is about; only of one who wants to join.
contracts::governance::AdmitMember admission_of(const Description& description);

struct DescriptionKeys {
  const crypto::SigningKey& command;
  const crypto::SigningKey& validator;
  const crypto::SigningKey& node;
};
bool is_origin(std::string_view text);  // as `api` must be

Bytes write_description(const Description& description, const DescriptionKeys& keys);

// malformed, naming the member that is missing, unknown or of another shape; newer_format; unauthenticated when a signature does not hold;
// invalid when the description has expired at `now`; without `now` its times are not judged: addresses of a member outlive them.
Result<Description> read_description(ByteView text, std::optional<BlockTime> now);

}  // namespace careledger::apps::network
