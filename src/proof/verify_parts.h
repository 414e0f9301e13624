// Pieces of verify.cpp. Internal to proof/.
#pragma once

#include <algorithm>
#include <limits>

#include "proof/verify.h"

namespace careledger::proof {

inline constexpr std::size_t kMaxCommand = 64 * 1024;  // bytes

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

// An authority of an account, and the last block that took commands under it.
struct KnownAuthority {
  ledger::Authority authority;
  std::uint64_t until = std::numeric_limits<std::uint64_t>::max();
};

// Rows of one state, as a claim shows them. Every step in here is "state".
class StateRows {
 public:
  static Result<StateRows> open(const MapCut& cut, const Digest& root);

  // The message at the key, which must be there in canonical form.
  template <class Row>
  Result<Row> row(const Bytes& key, const char* what);
  MapView::Known look(const Bytes& key);  // absence that was asked for counts as needed
  // Authorities that the rows show for an account: the present one, and those replaced, none of them before `at_height`.
  Result<std::vector<KnownAuthority>> authorities(const AccountId& id, std::uint64_t at_height);
  Result<void> nothing_more() const;  // each leaf was asked for

 private:
  explicit StateRows(MapView view) : view_(std::move(view)) {}
  MapView view_;
  std::vector<Bytes> present_, absent_;
};

Result<void> verify_record(const Bundle& bundle, const RecordClaim& claim, const Committed& committed, Report& report);
Result<void> verify_access(const Bundle& bundle, const AccessClaim& claim, const Committed& committed, Report& report);
Result<void> verify_checkpoint(const Bundle& bundle, const Trust& trust, const Committed& committed, Report& report);

struct ActorCommand {
  AccountId actor;
  Bytes payload;
};
// A canonical command of `contract` for the bundle's ledger; `what` says what it is not.
Result<ActorCommand> open_command(const Bundle& bundle, const LoggedCommand& logged, std::uint32_t contract, const char* what);
// It stands in the log below the header. Fills in where.
Result<void> check_logged(const LoggedCommand& logged, const Committed& committed, Report& report);
// The signatures that it carries are by authorities in force at its height. Fills in how many.
Result<void> check_command_signatures(const std::vector<KnownAuthority>& authorities, const LoggedCommand& logged, Report& report);

// Every signature is by another key of `role` in one of the authorities that were not replaced before `height`, and holds.
Result<void> check_signatures(const char* step, const std::vector<KnownAuthority>& authorities, std::uint64_t height, std::uint32_t role,
                              ByteView signed_bytes, const google::protobuf::RepeatedPtrField<ledger::CommandSignature>& signatures);

}  // namespace careledger::proof
