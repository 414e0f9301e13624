#include "vault/keystore.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "base/files.h"
#include "crypto/hash.h"
#include "vault/keystore_file.h"
#include "vault/shred.h"

namespace careledger::vault {

const char* name_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::files: return "files";
    case Purpose::records: return "records";
    case Purpose::audit: return "audit";
    case Purpose::audit_subject: return "audit-subject";
    case Purpose::page_token: return "page-token";
    case Purpose::access_token: return "access-token";
    case Purpose::command: return "command";
    case Purpose::batch: return "batch";
    case Purpose::http_signature: return "http-signature";
    case Purpose::opening: return "opening";
    case Purpose::promise: return "promise";
    case Purpose::cosign: return "cosign";
    case Purpose::validator: return "validator";
    case Purpose::founder: return "founder";
    case Purpose::trust: return "trust";
    case Purpose::backup: return "backup";
    case Purpose::relationships: return "relationships";
    case Purpose::engine_node: return "engine-node";
    case Purpose::timestamp: return "timestamp";
  }
  return "unknown";
}

struct Keystore::State {
  std::string path;  // empty: nothing on disk
  KeystoreHeader header;
  crypto::Secret wrap;
  Clock& clock;
  Entropy& entropy;
  mutable std::mutex mutex;
  std::vector<Slot> slots;

  Slot* current(Purpose purpose, std::string_view label) {
    for (Slot& slot : slots)
      if (slot.purpose == purpose && !slot.retired && slot.label == label) return &slot;
    return nullptr;
  }
  Result<void> save() const {
    return path.empty() ? Result<void>{} : replace_and_shred(path, write_keystore(header, wrap, slots, entropy));
  }
  // Keeps what is in memory and what is on disk the same: `undo` runs when the file could not be written.
  template <class Undo>
  Result<void> save_or(Undo undo) {
    auto saved = save();
    if (!saved) undo();
    return saved;
  }
  Result<Slot*> add(Purpose purpose, std::string_view label, crypto::Algorithm algorithm, crypto::Secret key) {
    if (slots.size() >= kSlotsMax) return fail(ErrorKind::too_large, "the keystore holds as many keys as it can");
    CARELEDGER_ASSERT(label.size() <= kLabelBytesMax);
    slots.push_back({purpose, algorithm, false, std::string(label), clock.now(), 0, std::move(key)});
    CARELEDGER_CHECK(save_or([this] { slots.pop_back(); }));
    return &slots.back();
  }
};

namespace {

Result<crypto::Secret> wrapping_key(std::uint8_t method, const crypto::Secret& secret, const KeystoreHeader& header) {
  if (method == 1) return crypto::key_from_passphrase(secret.view(), header.salt, header.cost, 32);
  return crypto::hkdf_sha256(secret.view(), header.salt, "careledger/keystore/1", 32);
}

Result<Bytes> public_half(const Slot& slot) {
  if (is_symmetric(slot.purpose)) return Bytes();
  if (slot.algorithm == crypto::Algorithm::x25519) {
    CARELEDGER_TRY(const crypto::OpeningKey key, crypto::OpeningKey::from_bytes(slot.key));
    return key.public_key().bytes();
  }
  CARELEDGER_TRY(const crypto::SigningKey key, crypto::SigningKey::from_seed(slot.key));
  return key.public_key().bytes();
}

}  // namespace

Keystore::Keystore(std::unique_ptr<State> state) : state_(std::move(state)) {}
Keystore::~Keystore() = default;

std::unique_ptr<Keystore> Keystore::in_memory(Clock& clock, Entropy& entropy) {
  return std::unique_ptr<Keystore>(new Keystore(std::unique_ptr<State>(new State{{}, {}, {}, clock, entropy, {}, {}})));
}

Result<std::unique_ptr<Keystore>> Keystore::create(const std::string& path, const Seal& seal, Clock& clock, Entropy& entropy) {
  if (system_files().exists(path)) return fail(ErrorKind::conflict, "there is a keystore at " + path + " already");
  KeystoreHeader header{static_cast<std::uint8_t>(seal.method_), seal.hint_, entropy.take(16), seal.cost_};
  CARELEDGER_TRY(crypto::Secret wrap, wrapping_key(header.method, seal.secret_, header));
  auto state = std::unique_ptr<State>(new State{path, std::move(header), std::move(wrap), clock, entropy, {}, {}});
  CARELEDGER_CHECK(state->save());
  return std::unique_ptr<Keystore>(new Keystore(std::move(state)));
}

Result<std::unique_ptr<Keystore>> Keystore::open(const std::string& path, const Seal& seal, Clock& clock, Entropy& entropy) {
  CARELEDGER_TRY(const Bytes file, system_files().read_all(path, kKeystoreBytesMax));
  CARELEDGER_TRY(KeystoreHeader header, read_keystore_header(file, nullptr));
  if (header.method != static_cast<std::uint8_t>(seal.method_)) {
    const std::string need = header.method == 1 ? "a passphrase" : header.hint;
    return fail(ErrorKind::wrong_key, "the keystore " + path + " opens with " + need + ", not with what was given");
  }
  CARELEDGER_TRY(crypto::Secret wrap, wrapping_key(header.method, seal.secret_, header));
  auto slots = read_keystore(file, wrap);
  if (!slots) return fail(slots.error().kind, path + ": " + slots.error().message);
  return std::unique_ptr<Keystore>(
      new Keystore(std::unique_ptr<State>(new State{path, std::move(header), std::move(wrap), clock, entropy, {}, std::move(*slots)})));
}

Result<SealInfo> Keystore::describe(const std::string& path) {
  CARELEDGER_TRY(const Bytes file, system_files().read_all(path, kKeystoreBytesMax));
  CARELEDGER_TRY(const KeystoreHeader header, read_keystore_header(file, nullptr));
  static constexpr const char* kNames[] = {"passphrase", "key-file", "credential"};
  return SealInfo{kNames[header.method - 1], header.hint};
}

Result<crypto::Secret> Keystore::symmetric(Purpose purpose, std::string_view label) {
  CARELEDGER_ASSERT(is_symmetric(purpose));
  const std::lock_guard lock(state_->mutex);
  if (const Slot* slot = state_->current(purpose, label)) return slot->key.clone();
  CARELEDGER_TRY(const Slot* slot, state_->add(purpose, label, {}, crypto::Secret::random(state_->entropy, 32)));
  return slot->key.clone();
}

Result<crypto::SigningKey> Keystore::signing(Purpose purpose, std::string_view label) {
  CARELEDGER_ASSERT(!is_symmetric(purpose) && purpose != Purpose::opening);
  const std::lock_guard lock(state_->mutex);
  if (const Slot* slot = state_->current(purpose, label)) return crypto::SigningKey::from_seed(slot->key);
  CARELEDGER_TRY(const Slot* slot, state_->add(purpose, label, crypto::Algorithm::ed25519, crypto::Secret::random(state_->entropy, 32)));
  return crypto::SigningKey::from_seed(slot->key);
}

Result<crypto::OpeningKey> Keystore::opening(std::string_view label) {
  const std::lock_guard lock(state_->mutex);
  if (const Slot* slot = state_->current(Purpose::opening, label)) return crypto::OpeningKey::from_bytes(slot->key);
  const crypto::OpeningKey made = crypto::OpeningKey::generate(state_->entropy);
  CARELEDGER_TRY(const Slot* slot, state_->add(Purpose::opening, label, crypto::Algorithm::x25519, made.bytes().clone()));
  return crypto::OpeningKey::from_bytes(slot->key);
}

bool Keystore::holds(Purpose purpose, std::string_view label) const {
  const std::lock_guard lock(state_->mutex);
  return state_->current(purpose, label) != nullptr;
}

Result<void> Keystore::add_signing(Purpose purpose, std::string_view label, const crypto::SigningKey& key) {
  CARELEDGER_ASSERT(!is_symmetric(purpose) && purpose != Purpose::opening);
  const std::lock_guard lock(state_->mutex);
  Slot* old = state_->current(purpose, label);
  const std::size_t at = old != nullptr ? static_cast<std::size_t>(old - state_->slots.data()) : state_->slots.size();
  if (old != nullptr && equal_constant_time(old->key.view(), key.seed().view())) {
    return fail(ErrorKind::conflict, std::string("this is the current ") + name_of(purpose) + " key already");
  }
  if (old != nullptr) old->retired = true;
  const bool replaced = old != nullptr;
  auto added = state_->add(purpose, label, crypto::Algorithm::ed25519, key.seed().clone());
  if (added) return {};
  if (replaced) state_->slots[at].retired = false;
  return tl::make_unexpected(added.error());
}

Result<crypto::SigningKey> Keystore::rotate_signing(Purpose purpose, std::string_view label) {
  crypto::SigningKey key = crypto::SigningKey::generate(state_->entropy);
  CARELEDGER_CHECK(add_signing(purpose, label, key));
  return key;
}

Result<bool> Keystore::make_current(Purpose purpose, ByteView public_key) {
  const std::lock_guard lock(state_->mutex);
  Slot* wanted = nullptr;
  for (Slot& slot : state_->slots) {
    if (slot.purpose != purpose || (!slot.label.empty() && slot.label != kNextKey)) continue;
    CARELEDGER_TRY(const Bytes half, public_half(slot));
    if (half == public_key) wanted = &slot;
  }
  if (wanted == nullptr) return false;
  Slot* const before = state_->current(purpose, {});
  if (wanted == before) return true;
  const bool was_retired = std::exchange(wanted->retired, false);
  const std::string label = std::exchange(wanted->label, {});
  if (before != nullptr) before->retired = true;
  CARELEDGER_CHECK(state_->save_or([&] {
    wanted->retired = was_retired;
    wanted->label = label;
    if (before != nullptr) before->retired = false;
  }));
  return true;
}

Result<void> Keystore::promote(Purpose purpose) {
  CARELEDGER_ASSERT(is_symmetric(purpose) || purpose == Purpose::validator);
  const std::lock_guard lock(state_->mutex);
  Slot* next = state_->current(purpose, kNextKey);
  if (next == nullptr) return {};
  Slot* const before = state_->current(purpose, {});
  CARELEDGER_ASSERT(before != nullptr);  // a key follows another
  crypto::Secret old_key = std::exchange(before->key, next->key.clone());
  const BlockTime old_created = std::exchange(before->created, next->created);
  const auto at = next - state_->slots.data();
  Slot taken = std::move(*next);
  state_->slots.erase(state_->slots.begin() + at);
  return state_->save_or([&] {
    state_->slots.push_back(std::move(taken));
    Slot* const now = state_->current(purpose, {});
    now->key = std::move(old_key);
    now->created = old_created;
  });
}

Result<void> Keystore::replace_symmetric(Purpose purpose, const crypto::Secret& key) {
  return replace_symmetric(purpose, key, generation(purpose));
}

Result<void> Keystore::replace_symmetric(Purpose purpose, const crypto::Secret& key, std::uint64_t generation) {
  CARELEDGER_ASSERT(is_symmetric(purpose) && key.size() == 32);
  const std::lock_guard lock(state_->mutex);
  Slot* slot = state_->current(purpose, {});
  if (slot == nullptr) {
    state_->slots.push_back({purpose, {}, false, {}, state_->clock.now(), generation, key.clone()});
    return state_->save_or([this] { state_->slots.pop_back(); });
  }
  crypto::Secret old_key = std::exchange(slot->key, key.clone());
  const std::uint64_t old_generation = std::exchange(slot->generation, generation);
  const BlockTime old_created = std::exchange(slot->created, state_->clock.now());
  return state_->save_or([&] {
    slot->key = std::move(old_key);
    slot->generation = old_generation;
    slot->created = old_created;
  });
}

std::uint64_t Keystore::generation(Purpose purpose) const {
  const std::lock_guard lock(state_->mutex);
  const Slot* slot = state_->current(purpose, {});
  return slot != nullptr ? slot->generation : 0;
}

Result<void> Keystore::seal_under(const Seal& seal) {
  const std::lock_guard lock(state_->mutex);
  KeystoreHeader header{static_cast<std::uint8_t>(seal.method_), seal.hint_, state_->entropy.take(16), seal.cost_};
  CARELEDGER_TRY(crypto::Secret wrap, wrapping_key(header.method, seal.secret_, header));
  std::swap(header, state_->header);
  std::swap(wrap, state_->wrap);
  return state_->save_or([&] {
    std::swap(header, state_->header);
    std::swap(wrap, state_->wrap);
  });
}

std::vector<KeyInfo> Keystore::inventory() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<KeyInfo> keys;
  for (const Slot& slot : state_->slots) {
    keys.push_back({slot.purpose, slot.algorithm, slot.label, slot.created, slot.retired, public_half(slot).value_or(Bytes())});
  }
  std::sort(keys.begin(), keys.end(), [](const KeyInfo& a, const KeyInfo& b) {
    return std::tie(a.purpose, a.label, a.created, b.retired) < std::tie(b.purpose, b.label, b.created, a.retired);
  });
  return keys;
}

bool harden_process() {
  const rlimit none{0, 0};
  const bool no_core = ::setrlimit(RLIMIT_CORE, &none) == 0;
  const bool not_dumpable = ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
  return no_core && not_dumpable;
}

}  // namespace careledger::vault
