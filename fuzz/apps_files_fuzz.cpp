// Files that the program is given or finds: the node's configuration, a wallet's contents, and sources of an import, plain or packed. By
// the input's first byte.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "apps/config.h"
#include "apps/import.h"
#include "apps/wallet_file.h"
#include "base/assert.h"

using namespace careledger;

namespace {

constexpr std::size_t kUnpackedMax = 100'000;

// A folder of this process's own, gone with it.
struct Scratch {
  std::string folder = (std::filesystem::temp_directory_path() / ("careledger-fuzz-" + std::to_string(::getpid()))).string();
  Scratch() { CARELEDGER_ASSERT(system_files().make_folder(folder).has_value()); }
  ~Scratch() { std::filesystem::remove_all(folder); }

  std::string with(const char* name, ByteView bytes) const {
    const std::string path = folder + "/" + name;
    CARELEDGER_ASSERT(system_files().replace(path, bytes).has_value());
    return path;
  }
};

const Scratch& scratch() {
  static const Scratch made;
  return made;
}

void source(const char* name, ByteView bytes) {
  if (const auto text = apps::read_source(scratch().with(name, bytes), kUnpackedMax)) CARELEDGER_ASSERT(text->size() <= kUnpackedMax);
}

void wallet(ByteView text) {  // what was read is written so that it reads the same
  const auto first = apps::read_wallet_json(text);
  if (!first) return;
  const Bytes written = apps::wallet_json(*first);
  const auto second = apps::read_wallet_json(written);
  CARELEDGER_ASSERT(second && apps::wallet_json(*second) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: static_cast<void>(apps::read_config(system_files(), scratch().with("careledger.json", bytes))); break;
    case 1: wallet(bytes); break;
    case 2: source("bundle.json.gz", bytes); break;
    case 3: source("bundle.json.zst", bytes); break;
  }
  return 0;
}
