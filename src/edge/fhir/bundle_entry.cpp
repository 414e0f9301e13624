#include "edge/fhir/bundle_entry.h"

#include <unordered_set>

#include "codec/fhir/definitions.h"
#include "codec/fhir/primitive.h"
#include "edge/fhir/incoming.h"
#include "edge/fhir/text.h"

namespace careledger::edge::fhir {
namespace {

using codec::json::Value;

tl::unexpected<Failure> bad(const Entry& entry, const char* code, const char* text, const char* element) {
  return tl::make_unexpected(failure(400, code, text, entry.location() + element));
}
tl::unexpected<Failure> not_offered(const Entry& entry, const char* text) {
  return tl::make_unexpected(failure(501, "not-supported", text, entry.location() + ".request"));
}

// Type, Type/id or Type/id/_history/n.
bool read_path(std::string_view path, Entry& entry) {
  const std::size_t slash = path.find('/');
  entry.type = path.substr(0, slash);
  if (!codec::fhir::find_resource_type(entry.type)) return false;
  if (slash == std::string_view::npos) return true;
  path.remove_prefix(slash + 1);
  entry.id = path.substr(0, path.find('/'));
  if (!codec::fhir::is_id(entry.id)) return false;
  path.remove_prefix(entry.id.size());
  if (path.empty()) return true;
  constexpr std::string_view kHistory = "/_history/";
  if (!path.starts_with(kHistory)) return false;
  const auto version = version_of(path.substr(kHistory.size()));
  entry.version = version.value_or(0);
  return version.has_value();
}

Outcome<void> read_url(std::string_view url, Entry& entry) {
  if (url.starts_with('/')) url.remove_prefix(1);
  http::Request target;
  if (!http::read_target("/" + std::string(url), 256, target)) return bad(entry, "value", "this is no relative URL", ".request.url");
  entry.query = std::move(target.query);
  if (!read_path(std::string_view(target.path).substr(1), entry)) {
    return bad(entry, "value", "the URL must be Type, Type/id or Type/id/_history/version of R4", ".request.url");
  }
  return {};
}

Outcome<void> settle_method(std::string_view method, Entry& entry) {
  const bool instance = !entry.id.empty();
  if (method == "GET" || method == "HEAD") {
    entry.kind = instance ? EntryKind::read : EntryKind::search;
    return {};
  }
  if (entry.version != 0) return bad(entry, "value", "this method takes no version", ".request.url");
  if (method == "POST") {
    if (instance || !entry.query.empty()) return not_offered(entry, "POST goes to Type; operations in a Bundle are not offered");
    entry.kind = EntryKind::create;
    return {};
  }
  if (method != "PUT" && method != "DELETE") return not_offered(entry, "this method is not offered");
  if (!instance || !entry.query.empty()) return not_offered(entry, "conditional update or delete is not offered");
  entry.kind = method == "PUT" ? EntryKind::update : EntryKind::remove;
  return {};
}

Outcome<void> read_resource(Entry& entry, Value* resource, bool check) {
  const bool wanted = entry.kind == EntryKind::create || entry.kind == EntryKind::update;
  if (!wanted) return {};
  if (resource == nullptr) return bad(entry, "required", "this method needs a resource", ".resource");
  entry.resource = resource;
  const std::string location = entry.location() + ".resource";
  if (check) {
    if (auto checked = check_resource(*resource, {}, location); !checked) return checked;
  }
  if (resource->string_at("resourceType") != entry.type)
    return bad(entry, "invalid", "the resource is of another type than the URL", ".resource");
  if (entry.kind == EntryKind::update && resource->string_at("id") != entry.id) {
    return bad(entry, "invalid", "the resource's id is not the one in the URL", ".resource.id");
  }
  return {};
}

}  // namespace

Outcome<Entry> read_entry(Value& value, std::size_t index, bool check) {
  Entry entry;
  entry.index = index;
  const Value* request = std::as_const(value).find("request");
  if (request == nullptr || !request->is_object()) return bad(entry, "required", "every entry needs a request", "");
  if (auto read = read_url(request->string_at("url"), entry); !read) return tl::make_unexpected(std::move(read.error()));
  if (auto settled = settle_method(request->string_at("method"), entry); !settled) return tl::make_unexpected(std::move(settled.error()));
  if (auto read = read_resource(entry, value.find("resource"), check); !read) return tl::make_unexpected(std::move(read.error()));
  entry.full_url = value.string_at("fullUrl");
  entry.if_none_exist = request->string_at("ifNoneExist");
  entry.if_match = request->string_at("ifMatch");
  entry.if_none_match_any = trimmed(request->string_at("ifNoneMatch")) == "*";
  if (!entry.if_none_exist.empty() && entry.kind != EntryKind::create) {
    return bad(entry, "invalid", "ifNoneExist goes with POST", ".request.ifNoneExist");
  }
  return entry;
}

Result<void> permit_entry(const auth::Principal& principal, const Entry& entry) {
  const auth::ResourceMeta meta{entry.type, entry.id};
  switch (entry.kind) {
    case EntryKind::remove: return auth::permit(principal, auth::Action::remove, meta);
    case EntryKind::create: return auth::permit(principal, auth::Action::create, meta);
    case EntryKind::update: return auth::permit(principal, auth::Action::update, meta);
    case EntryKind::read: return auth::permit(principal, auth::Action::read, meta);
    case EntryKind::search: return auth::permit(principal, auth::Action::search, meta);
  }
  return fail(ErrorKind::forbidden, "unknown kind of entry");
}

Outcome<void> check_identities(std::span<const Entry> entries) {
  std::unordered_set<std::string> seen;
  for (const Entry& entry : entries) {
    if (entry.kind == EntryKind::read || entry.kind == EntryKind::search) continue;
    if (entry.kind != EntryKind::create && !seen.insert("r " + entry.type + '/' + entry.id).second) {
      return bad(entry, "duplicate", "another entry speaks of the same resource", ".request.url");
    }
    if (!entry.full_url.empty() && !seen.insert("u " + std::string(entry.full_url)).second) {
      return bad(entry, "duplicate", "another entry has the same fullUrl", ".fullUrl");
    }
    if (!entry.if_none_exist.empty() && !seen.insert("c " + entry.type + '?' + std::string(entry.if_none_exist)).second) {
      return bad(entry, "duplicate", "another entry has the same condition", ".request.ifNoneExist");
    }
  }
  return {};
}

}  // namespace careledger::edge::fhir
