// Files that the program is given or finds: the node's configuration, a wallet's contents, sources of an import, packed or line by line,
// another organisation's description. By the input's first byte.
#include "apps/config.h"
#include "apps/import.h"
#include "apps/network/description.h"
#include "apps/network/joining.h"
#include "apps/wallet_file.h"
#include "codec/json/json.h"
#include "scratch.h"

using namespace careledger;

namespace {

constexpr std::size_t kUnpackedMax = 100'000;

const fuzz::Scratch& scratch() {
  static const fuzz::Scratch made;
  return made;
}

void source(const char* name, ByteView bytes) {
  if (const auto text = apps::read_source(scratch().with(name, bytes), kUnpackedMax)) CARELEDGER_ASSERT(text->size() <= kUnpackedMax);
}

void wallet(ByteView text) {  // what was read is written so that it reads the same
  const auto first = apps::read_wallet_json(crypto::Secret::copy_of(text));
  if (!first) return;
  const crypto::Secret written = apps::wallet_json(*first);
  const auto second = apps::read_wallet_json(written.clone());
  CARELEDGER_ASSERT(second && apps::wallet_json(*second).view() == written.view());
}

// Every line that is not refused is an entry of its own, whatever stands in it.
void lines(ByteView text) {
  constexpr codec::json::Limits kDeeper{.depth = 80};  // than the line by the Bundle around it
  std::vector<apps::RefusedItem> refused;
  for (const apps::ImportPiece& piece : apps::pieces_of_lines("lines.ndjson", text, refused)) {
    const auto bundle = codec::json::parse(piece.body, kDeeper);
    CARELEDGER_ASSERT(bundle && bundle->root().items_at("entry").size() == piece.lines.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0: static_cast<void>(apps::read_config(system_files(), scratch().with("careledger.json", bytes))); break;
    case 1: wallet(bytes); break;
    case 2: source("bundle.json.gz", bytes); break;
    case 3: source("bundle.json.zst", bytes); break;
    case 4: lines(bytes); break;
    case 5: static_cast<void>(apps::network::read_description(bytes, std::nullopt)); break;
    case 6: static_cast<void>(apps::network::read_founding(bytes)); break;
  }
  return 0;
}
