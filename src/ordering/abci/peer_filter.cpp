#include "ordering/abci/peer_filter.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::string_view kPeerById = "/p2p/filter/id/";
constexpr std::string_view kPeerByAddress = "/p2p/filter/addr/";

}  // namespace

std::optional<careledger::abci::ResponseQuery> answer_about_peer(const std::string& path, const IsPeer& is_peer) {
  careledger::abci::ResponseQuery answer;
  if (path.starts_with(kPeerByAddress)) return answer;  // an address says nothing; the id, which is a key, is asked for too
  if (!path.starts_with(kPeerById)) return std::nullopt;
  const bool known = is_peer && is_peer(path.substr(kPeerById.size()));
  answer.set_code(known ? 0 : 1);
  if (!known) answer.set_log("no node of this network");
  return answer;
}

}  // namespace careledger::ordering::abci
