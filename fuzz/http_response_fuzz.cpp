// Answers of another organisation's server, in pieces of any size: the client must neither crash nor believe more than its limits, and
// where the pieces end must not matter.
#include <algorithm>
#include <cstdint>

#include "base/assert.h"
#include "edge/http/response_reader.h"

namespace http = careledger::edge::http;

namespace {

constexpr std::uint64_t kBodyMax = 4096;

// What was read, or an empty text when nothing was.
std::string outcome(std::string_view bytes, std::size_t piece) {
  http::ResponseReader reader(2048, kBodyMax, false);
  std::string buffer;
  for (bool whole = false; !whole;) {
    const auto count = std::min(piece, bytes.size());
    buffer.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    std::size_t used = 0;
    const auto fed = reader.feed(buffer, used);
    if (!fed) return {};
    CARELEDGER_ASSERT(used <= buffer.size());
    buffer.erase(0, used);
    whole = *fed;
    if (!whole && bytes.empty()) {
      if (used > 0 && !buffer.empty()) continue;
      if (!reader.end()) return {};
      whole = true;
    }
  }
  const http::Response response = reader.take();
  CARELEDGER_ASSERT(response.content().size() <= kBodyMax);
  return std::to_string(response.status) + '|' + std::to_string(response.headers.size()) + '|' + std::string(response.content());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size > 20'000) return 0;
  const auto whole = outcome(bytes, 65'536);
  const auto pieces = outcome(bytes, 7);
  CARELEDGER_ASSERT(whole.empty() || pieces.empty() || whole == pieces);
  return 0;
}
