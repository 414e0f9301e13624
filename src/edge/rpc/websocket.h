// The server's half of a WebSocket (RFC 6455) that carries JSON-RPC: text frames in, text frames out, ping, close. Inside rpc/ only.
#pragma once

#include <functional>
#include <optional>

#include "edge/http/message.h"

namespace careledger::edge::rpc {

// The 101 for a request that asks for a WebSocket, with a session that answers each text message by `answer` (empty: no answer); 400 or 426
// when the request does not ask rightly. Messages may hold 64 KiB. `answer` runs on the I/O thread.
http::Response accept_websocket(const http::Request& request, std::function<std::string(std::string_view)> answer);

}  // namespace careledger::edge::rpc
