// Pieces of verify.cpp. Internal to proof/.
#pragma once

#include "proof/verify.h"

namespace careledger::proof {

// Puts the name of the step in front of an error.
template <class T>
Result<T> at(const char* step, Result<T> result) {
  if (!result) return fail(result.error().kind, std::string(step) + ": " + result.error().message);
  return result;
}

inline tl::unexpected<Error> broken(const char* step, const char* what) {
  return fail(ErrorKind::invalid, std::string(step) + ": " + what);
}

// The ledger that a bundle's header commits to.
struct Committed {
  Digest log_root;
  std::uint64_t log_size = 0;
  Digest state_root;
  std::uint64_t height = 0;  // of the header
};

// Rows of one state, as a claim shows them. Every step in here is "state".
class StateRows {
 public:
  static Result<StateRows> open(const MapCut& cut, const Digest& root);

  // The message at the key, which must be there in canonical form.
  template <class Row>
  Result<Row> row(const Bytes& key, const char* what);
  MapView::Known look(const Bytes& key);  // absence that was asked for counts as needed
  // Authorities that the rows show for an account: the present one, and those replaced.
  Result<std::vector<ledger::Authority>> authorities(const AccountId& id, std::uint64_t at_height);
  Result<void> nothing_more() const;  // each leaf was asked for

 private:
  explicit StateRows(MapView view) : view_(std::move(view)) {}
  MapView view_;
  std::vector<Bytes> present_, absent_;
};

Result<void> verify_record(const Bundle& bundle, const RecordClaim& claim, const Committed& committed, Report& report);
Result<void> verify_access(const Bundle& bundle, const AccessClaim& claim, const Committed& committed, Report& report);
Result<void> verify_checkpoint(const Bundle& bundle, const Trust& trust, const Committed& committed, Report& report);

// Every signature is by another key of `role` in one of the authorities, and holds.
Result<void> check_signatures(const char* step, const std::vector<ledger::Authority>& authorities, std::uint32_t role,
                              ByteView signed_bytes, const google::protobuf::RepeatedPtrField<ledger::CommandSignature>& signatures);

}  // namespace careledger::proof
