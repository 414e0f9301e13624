// The wire form of cuts.
#include "proof/map_cut.h"

#include <algorithm>

#include "crypto/hash.h"
#include "proof/canonical.h"

namespace careledger::proof {
namespace {

class BitWriter {
 public:
  explicit BitWriter(Bytes& out) : out_(out) {}
  void put(bool bit) {
    if (used_ == 0) out_.push_back('\0');
    if (bit) out_.back() = static_cast<char>(static_cast<std::uint8_t>(out_.back()) | (0x80 >> used_));
    used_ = (used_ + 1) % 8;
  }

 private:
  Bytes& out_;
  int used_ = 0;
};

class CutParser {
 public:
  explicit CutParser(const bundle::MapCut& message) : message_(message) {}

  Result<MapCut> parse() {
    std::size_t open = 1;  // nodes of the preorder still to come
    if (message_.shape().empty()) open = 0;
    while (open > 0) {
      CARELEDGER_TRY(const bool inner, bit());
      cut_.shape.push_back(inner);
      if (inner) {
        ++open;
        continue;
      }
      CARELEDGER_CHECK(entry());
      --open;
    }
    const bool padded = (bit_ + 7) / 8 == message_.shape().size() && padding_is_zero();
    if (!padded || hash_ * 32 != message_.hashes().size() || key_ != message_.keys_size() || value_ != message_.values_size()) {
      return fail(ErrorKind::malformed, "map proof: more in it than its shape has room for");
    }
    return std::move(cut_);
  }

 private:
  Result<bool> bit() {
    if (bit_ / 8 >= message_.shape().size()) return fail(ErrorKind::malformed, "map proof: the shape ends too early");
    const bool set = key_bit(message_.shape(), static_cast<std::uint32_t>(bit_));
    ++bit_;
    return set;
  }

  Result<Digest> hash() {
    if (hash_ * 32 + 32 > message_.hashes().size()) return fail(ErrorKind::malformed, "map proof: too few hashes");
    const auto digest = Digest::from(ByteView(message_.hashes()).substr(hash_ * 32, 32));
    ++hash_;
    return *digest;
  }

  Result<void> entry() {
    CARELEDGER_TRY(const bool leaf, bit());
    if (!leaf) {
      CARELEDGER_TRY(const Digest subtree, hash());
      cut_.entries.emplace_back(subtree);
      return {};
    }
    CARELEDGER_TRY(const bool shown, bit());
    if (key_ >= message_.keys_size()) return fail(ErrorKind::malformed, "map proof: too few keys");
    MapLeaf out{message_.keys(key_++), Digest{}, std::nullopt};
    if (shown) {
      if (value_ >= message_.values_size()) return fail(ErrorKind::malformed, "map proof: too few values");
      out.value = message_.values(value_++);
      out.value_hash = crypto::sha256(*out.value);
    } else {
      CARELEDGER_TRY(out.value_hash, hash());
    }
    cut_.entries.emplace_back(std::move(out));
    return {};
  }

  bool padding_is_zero() const {
    for (std::size_t i = bit_; i < message_.shape().size() * 8; ++i) {
      if (key_bit(message_.shape(), static_cast<std::uint32_t>(i))) return false;
    }
    return true;
  }

  const bundle::MapCut& message_;
  MapCut cut_;
  std::size_t bit_ = 0;
  std::size_t hash_ = 0;
  int key_ = 0;
  int value_ = 0;
};

}  // namespace

void to_message(const MapCut& cut, bundle::MapCut& message) {
  BitWriter shape(*message.mutable_shape());
  message.mutable_hashes()->reserve(cut.entries.size() * Digest::size);
  std::size_t next = 0;
  for (const bool inner : cut.shape) {
    shape.put(inner);
    if (inner) continue;
    const MapEntry& entry = cut.entries[next++];
    const auto* leaf = std::get_if<MapLeaf>(&entry);
    shape.put(leaf != nullptr);
    if (leaf == nullptr) {
      message.mutable_hashes()->append(std::get<Digest>(entry).view());
      continue;
    }
    shape.put(leaf->value.has_value());
    message.add_keys(leaf->key);
    if (leaf->value) {
      message.add_values(*leaf->value);
    } else {
      message.mutable_hashes()->append(leaf->value_hash.view());
    }
  }
}

Result<MapCut> from_message(const bundle::MapCut& message) { return CutParser(message).parse(); }

Bytes encode(const MapCut& cut) {
  bundle::MapCut message;
  to_message(cut, message);
  return canonical_bytes(message);
}

Result<MapCut> decode_cut(ByteView bytes, std::size_t limit) {
  CARELEDGER_TRY(const bundle::MapCut message, from_canonical<bundle::MapCut>(bytes, "map proof", limit));
  return from_message(message);
}

}  // namespace careledger::proof
