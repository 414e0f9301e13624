// What other organisations and patients send that exchange decodes: terms of a consent, release requests and what they are worth, answers,
// promises, enrolment and claim codes.
#include <cstdlib>

#include "contracts/test_ledger.h"
#include "edge/exchange/operations.h"
#include "exchange/messages.pb.h"
#include "exchange/refusal.h"
#include "exchange/terms.h"
#include "kernel/canonical.h"
#include "proof/promise_file.h"

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

// Judged on a ledger that knows no grant: whatever a request shows, nothing is released.
void request(ByteView input) {
  exchange::ReleaseRequest request;
  if (!kernel::parse_canonical(input, request)) return;
  if (kernel::encode(request) != input) std::abort();
  static const contracts::TestLedger ledger;
  if (!exchange::judge_opening(ledger.state(), request, false, {ledger.time(), ledger.time()}).refusal) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(reinterpret_cast<const char*>(data), size);
  terms(input);
  request(input);
  exchange::ReleaseAnswer answer;
  if (kernel::parse_canonical(input, answer) && kernel::encode(answer) != input) std::abort();
  if (const auto promise = proof::decode_promise_file(input); promise && proof::encode_promise_file(*promise) != input) std::abort();
  if (const auto enrolment = edge::exchange::read_enrolment(input); enrolment && edge::exchange::enrolment_code(*enrolment) != input)
    std::abort();
  if (const auto handover = edge::exchange::read_handover_code(input, {}); handover && edge::exchange::handover_code(*handover) != input)
    std::abort();
  return 0;
}
