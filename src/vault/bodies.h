// How a version lies in the store: compressed, then sealed under its own data key, bound to its organisation, name and number.
// For src/vault alone. Thread-safety: pure functions (contexts a thread inside).
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "vault/key_tree.h"

namespace careledger::vault {

struct BodyName {  // authenticated beside the body
  std::string type;
  std::string id;
  std::uint32_t version = 0;
  std::uint64_t number = 0;
};

struct BodyContent {
  std::vector<std::string> patients;
  Bytes body;
};

inline constexpr std::size_t kBodyBytesMax = 64u << 20;
inline constexpr std::size_t kPatientsMax = 256;

Bytes seal_body(const OrganisationId& organisation, const BodyName& name, const BodyContent& content, const VersionSecret& secret,
                Entropy& entropy);
Result<BodyName> body_name(std::uint64_t number, ByteView row);  // without opening; corrupt
Result<BodyContent> open_body(const OrganisationId& organisation, std::uint64_t number, ByteView row,
                              const VersionSecret& secret);  // corrupt

}  // namespace careledger::vault
