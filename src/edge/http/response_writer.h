// Turns a Response into the bytes of an HTTP/1.1 answer. Pure but for the thread's compressor.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "edge/http/message.h"

namespace careledger::edge::http {

// What of the request decides about the form of its answer; kept apart, because the request itself goes to the handler.
struct AnswerForm {
  bool head = false;  // the body stays out
  bool http10 = false;
  bool keep_alive = true;
  bool gzip = false;  // the client takes it
  bool tls = false;
  bool cors = false;  // cors_origin may read the answer
  std::string cors_origin;
};

// Packs the body when that pays: 1 KiB or more, text, not packed already. `size_max` bounds the work of a thread that must not stall.
// True: packed.
bool compress_body(Response& response, std::size_t size_max);

// Appends status line and fields (with the empty line) to `out`. `packed`: compress_body said so; `date`: an IMF-fixdate.
void write_head(const Response& response, const AnswerForm& form, bool packed, std::string_view date, std::string& out);

bool has_body(int status);  // 1xx, 204 and 304 have none

std::string imf_date(BlockTime time);  // "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7)

// The answer to a CORS preflight (Fetch standard), or to one from an origin that may not.
Response preflight(const Request& request, bool allowed);
bool is_preflight(const Request& request);

}  // namespace careledger::edge::http
