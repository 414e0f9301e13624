#include "apps/commands/administer.h"

#include <fmt/format.h>

#include "apps/node_access.h"
#include "apps/terminal.h"

namespace careledger::apps::commands {

namespace http = edge::http;
namespace json = codec::json;

Result<Bytes> ask(const FolderOptions& folder, const std::string& organisation, http::Request request) {
  CARELEDGER_TRY(const auto access, NodeAccess::open(layout_of(folder.folder), folder.seal));
  CARELEDGER_TRY(const http::Response answer, access->need(organisation, edge::auth::Role::administrator, std::move(request)));
  return Bytes(answer.content());
}

Result<Bytes> order(const FolderOptions& folder, const std::string& organisation, const std::string& what, const json::Value& order) {
  return ask(folder, organisation, http::make_request(http::Method::post, "/admin/v1/" + what, json::compact(order), "application/json"));
}

int tell(const Result<Bytes>& done, bool as_json, const std::function<void(const json::Value&)>& say) {
  if (!done) return report(done.error(), as_json);
  const auto document = json::parse(*done);
  if (!document) return report(document.error(), as_json);
  if (as_json) fmt::print("{}\n", *done);
  else say(document->root());
  return 0;
}

}  // namespace careledger::apps::commands
