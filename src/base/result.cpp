#include "base/result.h"

namespace careledger {

const char* name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::malformed: return "malformed";
    case ErrorKind::invalid: return "invalid";
    case ErrorKind::too_large: return "too-large";
    case ErrorKind::unauthenticated: return "unauthenticated";
    case ErrorKind::forbidden: return "forbidden";
    case ErrorKind::not_found: return "not-found";
    case ErrorKind::gone: return "gone";
    case ErrorKind::conflict: return "conflict";
    case ErrorKind::precondition: return "precondition";
    case ErrorKind::unsupported: return "unsupported";
    case ErrorKind::busy: return "busy";
    case ErrorKind::unavailable: return "unavailable";
    case ErrorKind::storage: return "storage";
    case ErrorKind::corrupt: return "corrupt";
    case ErrorKind::wrong_key: return "wrong-key";
    case ErrorKind::newer_format: return "newer-format";
    case ErrorKind::cancelled: return "cancelled";
  }
  return "unknown";
}

}  // namespace careledger
