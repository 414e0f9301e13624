// What other organisations and patients send that exchange decodes: terms of a consent, release requests and answers, enrolment and claim
// codes.
#include <cstdlib>

#include "edge/exchange/operations.h"
#include "exchange/messages.pb.h"
#include "exchange/terms.h"
#include "kernel/canonical.h"

using namespace careledger;

namespace {

// Terms that were read say the same when they are written and read again: nothing in them was ignored.
void terms(ByteView text) {
  const auto document = codec::json::parse(text);
  if (!document) return;
  const auto first = exchange::parse_terms(document->root());
  if (!first) return;
  const auto written = exchange::make_consent(*first);
  const auto second = exchange::parse_terms(written.root());
  if (!second || second->patient != first->patient || second->custodian != first->custodian ||
      second->organisations != first->organisations || second->purposes != first->purposes || second->categories != first->categories ||
      second->withheld != first->withheld || second->labels != first->labels || second->from != first->from ||
      second->until != first->until)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(reinterpret_cast<const char*>(data), size);
  terms(input);
  exchange::ReleaseRequest request;
  if (kernel::parse_canonical(input, request) && kernel::encode(request) != input) std::abort();
  exchange::ReleaseAnswer answer;
  if (kernel::parse_canonical(input, answer) && kernel::encode(answer) != input) std::abort();
  if (const auto enrolment = edge::exchange::read_enrolment(input); enrolment && edge::exchange::enrolment_code(*enrolment) != input)
    std::abort();
  if (const auto handover = edge::exchange::read_handover_code(input, {}); handover && edge::exchange::handover_code(*handover) != input)
    std::abort();
  return 0;
}
