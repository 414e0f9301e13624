#include "kernel/authority.h"

#include <set>

namespace careledger::kernel {

namespace {

constexpr auto kEd25519 = static_cast<std::uint32_t>(crypto::Algorithm::ed25519);

bool is_sound_key(const ledger::Key& key) {
  if (key.algorithm() != kEd25519 || key.public_key().size() != crypto::PublicKey::size || key.role() == 0) return false;
  if (key.valid_from_ms() < 0 || key.valid_to_ms() < 0) return false;
  return key.valid_to_ms() == 0 || key.valid_from_ms() < key.valid_to_ms();
}

bool is_role(const ledger::Key& key, KeyRole role) { return key.role() == static_cast<std::uint32_t>(role); }

class DirectVerdicts final : public SignatureVerdicts {
 public:
  bool holds(const crypto::PublicKey& key, ByteView signed_bytes, const crypto::Signature& signature) override {
    return crypto::verify(key, signed_bytes, signature);
  }
};

}  // namespace

bool is_sound(const ledger::Authority& authority) {
  if (authority.threshold() == 0 || authority.keys_size() > kAuthorityKeysMax) return false;
  std::uint32_t last = 0;
  std::uint32_t command_keys = 0;
  std::set<ByteView> seen;
  for (const auto& key : authority.keys()) {
    if (!is_sound_key(key) || key.number() <= last || !seen.insert(key.public_key()).second) return false;
    last = key.number();
    command_keys += is_role(key, KeyRole::command) ? 1 : 0;
  }
  return command_keys >= authority.threshold();
}

bool is_valid_at(const ledger::Key& key, BlockTime time) {
  return key.valid_from_ms() <= time.value && (key.valid_to_ms() == 0 || time.value < key.valid_to_ms());
}

const ledger::Key* find_key(const ledger::Authority& authority, std::uint32_t number) {
  for (const auto& key : authority.keys()) {
    if (key.number() == number) return &key;
  }
  return nullptr;
}

std::optional<crypto::PublicKey> public_key_of(const ledger::Authority& authority, KeyRole role, BlockTime time) {
  for (const auto& key : authority.keys()) {
    if (is_role(key, role) && is_valid_at(key, time)) return crypto::PublicKey::from(key.public_key());
  }
  return std::nullopt;
}

SignatureVerdicts& direct_verdicts() {
  static DirectVerdicts verdicts;
  return verdicts;
}

KernelCode judge_signatures(const ledger::Authority& authority, KeyRole role, BlockTime time, ByteView signed_bytes,
                            std::span<const KeySignature> signatures, SignatureVerdicts& verdicts) {
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    const auto& signature = signatures[i];
    for (std::size_t j = 0; j < i; ++j) {
      if (signatures[j].key == signature.key) return KernelCode::bad_signature;
    }
    const auto* key = find_key(authority, signature.key);
    if (key == nullptr || !is_role(*key, role) || !is_valid_at(*key, time)) return KernelCode::bad_signature;
    if (key->algorithm() != static_cast<std::uint32_t>(signature.algorithm)) return KernelCode::bad_signature;
    const auto public_key = crypto::PublicKey::from(key->public_key());
    if (!public_key || !verdicts.holds(*public_key, signed_bytes, signature.signature)) return KernelCode::bad_signature;
  }
  const std::uint32_t wanted = role == KeyRole::command ? authority.threshold() : 1;
  return signatures.size() >= wanted ? KernelCode::ok : KernelCode::threshold_not_met;
}

void collect_signatures(const ledger::Authority& authority, ByteView signed_bytes, std::span<const KeySignature> signatures,
                        std::vector<crypto::SignedItem>& items) {
  for (const auto& signature : signatures) {
    const auto* key = find_key(authority, signature.key);
    if (key == nullptr) continue;
    const auto public_key = crypto::PublicKey::from(key->public_key());
    if (public_key) items.push_back({*public_key, signed_bytes, signature.signature});
  }
}

}  // namespace careledger::kernel
