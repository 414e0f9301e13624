// Believing a proof bundle with a trust file and nothing else: no node, no network, and no clock but where the trust file asks for one.
//
// Steps, in this order; the first that fails is what the error's message begins with ("log: …"). tools/verifier takes the same steps.
//   format      the bytes are one bundle in its one form
//   ledger      it speaks of the trust file's ledger and chain
//   time        (with a trust file that has an anchor) it is believed at `now`, and no block is later than that
//   header      header, commit and validators fit, every vote's signature holds, over 2/3 of the header's own validators signed
//   walk        (with one) each of its blocks holds as the header does and follows from the one before, the header from the last
//   validators  over 2/3 of the trust file's power signed too, or signed a block of the walk
//   app         the named roots are what the header commits to
// for a record:                                           for an access list:
//   command  an anchor of records                           command  a head of the custodian's audit map
//   log      it stands in the log                           log      it stands in the log
//   record   elements lead to the record's root             state    rows of organisation, account and head; the head is what the
//   anchor   the record stands in the anchor                         command set; the signatures carried hold
//   state    rows of organisation, account and exception;   list     complete, under the head's root
//            the signatures carried hold                    opening  opened entries are those committed to
//                                                           promise  (with one) signed by the custodian, and broken
//   checkpoint  (with one) signed, cosigned, consistent with the log; it covers the command
//   quorum      as many witnesses as the trust file wants
//
// What witnesses have seen is the log: that the anchor or the head stands there. The state is in no log: that nothing became of the
// record since, that no newer head came, and whose the keys are, stands on the validators' signatures alone. The report keeps them apart.
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <vector>

#include "proof/bundle.h"
#include "proof/trust.h"

namespace careledger::proof {

enum class ClaimKind : std::uint8_t { record, access_list, conviction };

enum class Currency : std::uint8_t {
  not_claimed,  // the bundle says nothing about later
  current,      // its custodian has declared no successor
  superseded,
  entered_in_error,
  erased,
};

struct ShownValue {
  std::string name;
  Bytes value, extra;  // canonical JSON of the element and of its _element; empty when there is none
};

// The last block that the trust file's validators vouch for, and how many headers lead from it to the one that the bundle proves against.
struct Followed {
  Height from;
  Time time;
  std::size_t headers = 0;
};

struct Report {
  ClaimKind kind = ClaimKind::record;
  LedgerId ledger;
  std::string chain_id;
  Height as_of;             // the state proven is that after this block
  Time time;                // of the header that commits to it
  std::size_t signers = 0;  // validators that signed
  std::size_t validators = 0;
  std::optional<Followed> followed;   // nothing: the trust file's validators signed the header themselves
  std::optional<TrustAnchor> anchor;  // of the trust file
  std::size_t witnesses = 0;          // of the trust file's that cosigned
  std::size_t witnesses_known = 0;
  std::uint64_t log_size = 0;         // entries of the header's log
  std::uint64_t checkpoint_size = 0;  // entries of it that the checkpoint covers, or more; 0 without one
  OrganisationId organisation;
  std::string organisation_name;

  // The command that the claim rests on: a record's anchor, a list's head.
  Height height;
  std::uint32_t position = 0;
  std::uint64_t log_index = 0;  // below checkpoint_size when there is a checkpoint
  std::size_t command_signatures = 0;

  // record
  std::string type;
  Digest commitment;
  std::vector<ShownValue> shown;
  Currency currency = Currency::not_claimed;
  Height excepted;  // when superseded, entered in error or erased

  // access list, conviction
  Digest subject;
  std::uint64_t entries = 0;
  std::optional<AuditPlace> after, before;  // with one of them the list is a part: complete between these entries, themselves left out
  std::uint64_t opened = 0;
  ledger::AccessHead head;
  ledger::Promise promise;

  bool is_part() const { return after || before; }
  std::uint64_t unwitnessed() const;       // entries of the header's log that came after the checkpoint; 0 when it is as new or newer
  std::vector<std::string> lines() const;  // in plain words, one fact a line; no control characters whatever the bundle says
};

// Limits: kMaxBundle bytes. invalid, malformed or too_large with the step that failed in front. A trust file with an anchor wants `now`.
Result<Report> verify(ByteView bundle, const Trust& trust, std::optional<BlockTime> now = std::nullopt);

// The conviction that `promise` and a complete list (or the part that covers what is promised) at a later head make: the list's bundle with
// the promise inside. invalid when the promise was kept, does not hold, or the list speaks of another subject, custodian, part or an
// earlier head.
Result<Bytes> convict(const ledger::SignedPromise& promise, ByteView list_bundle, const Trust& trust,
                      std::optional<BlockTime> now = std::nullopt);

Bytes promise_signed_bytes(ByteView promise);  // field('careledger/promise/1') ‖ promise

}  // namespace careledger::proof
