#include "edge/http/loopback.h"

#include <boost/asio/ip/address.hpp>

namespace careledger::edge::http {

namespace ip = boost::asio::ip;

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  boost::system::error_code unreadable;
  const ip::address address = ip::make_address(host, unreadable);
  if (unreadable) return false;
  const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
  return mapped ? ip::make_address_v4(ip::v4_mapped, address.to_v6()).is_loopback() : address.is_loopback();
}

}  // namespace careledger::edge::http
