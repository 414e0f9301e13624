#include "replica/map_node.h"

#include <algorithm>
#include <new>

namespace careledger::replica {
namespace {

std::size_t shared_bytes(ByteView a, ByteView b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t at = 0;
  while (at < shorter && a[at] == b[at]) ++at;
  return at;
}

}  // namespace

MapTwig* MapTwig::make(std::span<const Leaf> leaves) {
  CARELEDGER_ASSERT(!leaves.empty() && leaves.size() <= kTwigLeavesMax);
  std::array<std::size_t, kTwigLeavesMax> shared{};
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (i != 0) shared[i] = shared_bytes(leaves[i - 1].key(), leaves[i].key());
    bytes += kHeadSize + leaves[i].key().size() - shared[i];
  }
  auto* twig = new (::operator new(sizeof(MapTwig) + bytes)) MapTwig;
  twig->leaves = static_cast<std::uint8_t>(leaves.size());
  char* at = reinterpret_cast<char*>(twig + 1);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const ByteView rest = leaves[i].key().substr(shared[i]);
    std::memcpy(at, leaves[i].hash.value.data(), Digest::size);
    at[Digest::size] = static_cast<char>(shared[i]);
    at[Digest::size + 1] = static_cast<char>(rest.size());
    std::memcpy(at + kHeadSize, rest.data(), rest.size());
    at += kHeadSize + rest.size();
  }
  return twig;
}

void MapTwig::destroy(MapTwig* twig) {
  twig->~MapTwig();
  ::operator delete(twig);
}

void MapTwig::append_to(std::vector<Leaf>& out) const {
  const char* at = packed();
  char key[kNodeKeyMax];
  for (std::size_t i = 0; i < leaves; ++i) {
    const auto shared = static_cast<std::uint8_t>(at[Digest::size]);
    const auto rest = static_cast<std::uint8_t>(at[Digest::size + 1]);
    std::memcpy(key + shared, at + kHeadSize, rest);
    out.emplace_back(ByteView(key, shared + rest), *Digest::from({at, Digest::size}));
    at += kHeadSize + rest;
  }
}

}  // namespace careledger::replica
