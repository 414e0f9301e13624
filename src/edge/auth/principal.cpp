#include "edge/auth/principal.h"

#include <algorithm>
#include <array>

namespace careledger::edge::auth {

namespace {

constexpr std::array<std::pair<Role, const char*>, 5> kRoles{{{Role::clinician, "clinician"},
                                                              {Role::system, "system"},
                                                              {Role::patient, "patient"},
                                                              {Role::auditor, "auditor"},
                                                              {Role::administrator, "administrator"}}};

bool is_write(Action action) { return action == Action::create || action == Action::update || action == Action::remove; }

// Reading AuditEvent resources is reading the audit map, whatever the path.
Action effective(Action action, std::string_view type) {
  const bool reads = action == Action::read || action == Action::search || action == Action::history;
  return reads && type == "AuditEvent" ? Action::read_audit : action;
}

// The one table.
bool role_may(Role role, Action action) {
  switch (role) {
    case Role::clinician:
    case Role::system: return action != Action::read_audit && action != Action::administrate;
    case Role::patient:
      return action == Action::read || action == Action::search || action == Action::history || action == Action::prove ||
             action == Action::export_data || action == Action::read_audit;
    case Role::auditor: return action == Action::read_audit || action == Action::prove;
    case Role::administrator: return action == Action::administrate;
  }
  return false;
}

// The letters of SMART v2 (create, read, update, delete, search) that an action needs. Empty: scopes do not speak of it.
std::string_view letters_of(Action action) {
  switch (action) {
    case Action::read:
    case Action::history:
    case Action::retrieve:
    case Action::prove: return "r";
    case Action::search: return "s";
    case Action::read_audit:
    case Action::export_data: return "rs";
    case Action::create: return "c";
    case Action::update: return "u";
    case Action::remove: return "d";
    case Action::transaction:
    case Action::administrate: return "";
  }
  return "";
}

// SMART 2.x: letters of "cruds" in that order, each at most once. A scope narrowed by a query ("?category=…") is not supported and so
// covers nothing.
bool is_rights(std::string_view rights) {
  std::string_view rest = "cruds";
  for (const char letter : rights) {
    const auto at = rest.find(letter);
    if (at == std::string_view::npos) return false;
    rest.remove_prefix(at + 1);
  }
  return !rights.empty();
}

bool scope_covers(std::string_view scope, std::string_view type, std::string_view letters) {
  const auto slash = scope.find('/');
  const auto dot = scope.find('.');
  if (slash == std::string_view::npos || dot == std::string_view::npos || dot < slash) return false;
  const auto context = scope.substr(0, slash);
  if (context != "user" && context != "system" && context != "patient") return false;
  const auto of = scope.substr(slash + 1, dot - slash - 1);
  if (of != "*" && of != type) return false;
  auto rights = scope.substr(dot + 1);
  if (rights == "read") rights = "rs";  // the words of SMART v1
  if (rights == "write") rights = "cud";
  if (rights == "*") rights = "cruds";
  return is_rights(rights) && std::ranges::all_of(letters, [&](char letter) { return rights.find(letter) != std::string_view::npos; });
}

bool scopes_cover(const Principal& principal, Action action, std::string_view type) {
  const auto letters = letters_of(action);
  if (principal.scopes.empty() || letters.empty()) return true;
  return std::ranges::any_of(principal.scopes, [&](const std::string& scope) { return scope_covers(scope, type, letters); });
}

}  // namespace

const char* name_of(Role role) {
  for (const auto& [value, name] : kRoles) {
    if (value == role) return name;
  }
  return "unknown";
}

Result<Role> role_of(std::string_view name) {
  for (const auto& [value, known] : kRoles) {
    if (name == known) return value;
  }
  return fail(ErrorKind::invalid, "no role of that name; there are clinician, system, patient, auditor, administrator");
}

const char* name_of(Action action) {
  switch (action) {
    case Action::read: return "read";
    case Action::search: return "search";
    case Action::history: return "history";
    case Action::create: return "create";
    case Action::update: return "update";
    case Action::remove: return "delete";
    case Action::transaction: return "transaction";
    case Action::retrieve: return "retrieve";
    case Action::export_data: return "export";
    case Action::prove: return "prove";
    case Action::read_audit: return "read-audit";
    case Action::administrate: return "administrate";
  }
  return "unknown";
}

namespace {

// Beside a patient's own record it may carry those of others.
bool carries_others(std::string_view type) { return type == "Bundle" || type == "Parameters"; }

bool is_own(const Principal& principal, const ResourceMeta& meta) {
  return !principal.compartment.empty() && !carries_others(meta.type) &&
         std::ranges::find(meta.patients, principal.compartment) != meta.patients.end();
}

}  // namespace

Result<void> permit(const Principal& principal, Action action, const ResourceMeta& meta) {
  if (is_write(action) && meta.type == "AuditEvent") {
    return fail(ErrorKind::forbidden, "AuditEvent is rendered from the audit map; nobody writes it");
  }
  const auto asked = effective(action, meta.type);
  const auto refuse = [&](const char* why) {
    return fail(ErrorKind::forbidden, std::string("a ") + name_of(principal.role) + " may not " + name_of(asked) + why);
  };
  if (!role_may(principal.role, asked)) return refuse("");
  if (!scopes_cover(principal, asked, meta.type)) return refuse(": the token's scopes leave it out");
  if (principal.emergency && principal.role != Role::clinician) return refuse(" in an emergency");
  if (principal.role == Role::patient && !is_own(principal, meta)) return refuse(" outside the own compartment");
  return {};
}

}  // namespace careledger::edge::auth
