// The bytes of a connection, in pieces of any size: the reader must neither crash nor hang nor believe more than its limits, and where the
// pieces end must not matter.
#include <cstdint>

#include "base/assert.h"
#include "edge/http/request_reader.h"

namespace http = careledger::edge::http;

namespace {

http::Limits small_limits() {
  http::Limits limits;
  limits.header_bytes = 2048;
  limits.target_bytes = 512;
  limits.header_fields = 16;
  limits.parameters = 8;
  limits.body_bytes = 4096;
  return limits;
}

// What came of the bytes: every request's target, body and number of fields, and how it ended. Empties `bytes` piece by piece as a
// connection does.
std::string outcome(std::string_view bytes, std::size_t piece) {
  static const http::Limits limits = small_limits();
  http::BodyBudget budget(16'384);
  http::RequestReader reader(limits, budget);
  std::string out, buffer;
  for (;;) {
    std::size_t used = 0;
    const auto step = reader.feed(buffer, used);
    CARELEDGER_ASSERT(used <= buffer.size());
    buffer.erase(0, used);
    if (step == http::RequestReader::Step::refused) return out + "refused " + std::to_string(reader.refusal().status);
    if (step == http::RequestReader::Step::done) {
      const auto request = reader.take();
      CARELEDGER_ASSERT(request.target.size() <= limits.target_bytes && request.body.size() <= limits.body_bytes);
      CARELEDGER_ASSERT(request.headers.size() <= limits.header_fields && request.path.starts_with('/'));
      out += request.target + '|' + request.body + '|' + std::to_string(request.headers.size()) + '\n';
      reader.reset();
    } else if (step == http::RequestReader::Step::more) {
      if (bytes.empty() || buffer.size() > 65'536) return out + "open";
      const auto count = std::min(piece, bytes.size());
      buffer.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size > 20'000) return 0;
  const auto whole = outcome(bytes, 65'536);
  const auto pieces = outcome(bytes, 7);
  // Requests that were read before the end are the same; only a refusal may come earlier or for another of two reasons.
  const auto requests = [](const std::string& text) { return text.substr(0, text.rfind('\n') + 1); };
  CARELEDGER_ASSERT(requests(whole) == requests(pieces));
  return 0;
}
