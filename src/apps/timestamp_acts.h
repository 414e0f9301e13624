// The organisation's time-stamp authority (crypto/timestamp.h), as an administrator sets it up and uses it: /admin/v1/timestamp….
//
//   POST /admin/v1/timestamp-authority   one of
//        {"days": 3650, "new_key": false}   makes a certificate that the authority signs itself: {"certificate": PEM}; with neither
//        member, shows the one that is there when it holds now
//        {"request": true, "new_key": false}   asks an authority that the organisation has: {"request": PEM}; stamps go on as before, and
//        with a new key when the answer was taken
//        {"certificate": PEM}   takes what that authority answered, with what leads to its root: {"certificate": PEM}
//   POST /admin/v1/timestamp   {}: {"note", "token": base64, "certificates": PEM, "time_ms"}: the newest checkpoint of the ledger's log,
//   and
//        a token over its bytes, exactly as they stand
//
// A key is made when there is none, or when "new_key" asks for another; the one before is forgotten, and what it stamped still verifies.
// Thread-safety: one act at a time.
#pragma once

#include "apps/admin_acts.h"
#include "vault/keystore.h"

namespace careledger::apps {

struct TimestampPlace {  // borrowed
  vault::Keystore& keys;
  std::string certificates;  // file
  std::string organisation;  // name
  Clock& clock;
  Entropy& entropy;
};

// invalid, with what is wrong with the order or the certificate: nothing is changed then.
Result<edge::http::Response> set_up_timestamps(const AdminActs& acts, const TimestampPlace& place, const codec::json::Value& order,
                                               vault::AuditEntry& entry);
// not_found: there is no authority yet; precondition: its certificate does not hold now.
Result<edge::http::Response> stamp_checkpoint(const AdminActs& acts, const TimestampPlace& place, vault::AuditEntry& entry);

}  // namespace careledger::apps
