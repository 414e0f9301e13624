// What counts as this very machine, where nobody else hears: http without TLS, and figures without a token, are for it alone.
#pragma once

#include <string_view>

namespace careledger::edge::http {

// "localhost", or the literal of a loopback address, IPv6 without brackets. Any other name is another machine, whatever it resolves to.
bool is_loopback(std::string_view host);

}  // namespace careledger::edge::http
