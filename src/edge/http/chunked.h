// When bytes that have come are given to the HTTP library's parser. For the two readers of this folder alone.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>

namespace careledger::edge::http {

// Whether `waiting` bytes take the parser further. In a chunked body (RFC 9112 section 7.1) at least "0\r\n\r\n" is still to come as long
// as it is not complete, so that fewer bytes can wait for the rest; and the parser relies on them: it asserts five bytes when it is called
// again behind a last chunk whose end had not come.
template <bool IsRequest>
bool worth_parsing(const boost::beast::http::basic_parser<IsRequest>& parser, std::size_t waiting) {
  constexpr std::size_t kShortestRest = 5;
  const bool in_chunks = parser.is_header_done() && parser.chunked();
  return waiting >= (in_chunks ? kShortestRest : 1);
}

}  // namespace careledger::edge::http
