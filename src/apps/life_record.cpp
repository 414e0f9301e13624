#include "apps/life_record.h"

#include "base/files.h"
#include "codec/json/json.h"
#include "crypto/hash.h"

namespace careledger::apps {
namespace {

namespace json = codec::json;

constexpr std::size_t kConfigBytesMax = 1 << 20;

vault::AuditEntry entry_of(vault::AuditKind kind) {
  vault::AuditEntry entry;
  entry.kind = kind;
  entry.actor = "Device/careledger";
  entry.role = "system";
  return entry;
}

Result<Bytes> describe(const Layout& layout, const ServeConfig& config) {
  CARELEDGER_TRY(const Bytes file, system_files().read_all(layout.config(), kConfigBytesMax));
  json::Document document;
  json::Value root = document.object();
  json::Value origins = document.array();
  for (const std::string& origin : config.cors_origins) document.append(origins, document.string(origin));
  document.set(root, "address", document.string(config.address));
  document.set(root, "tls", document.boolean(!config.certificate_file.empty()));
  document.set(root, "corsOrigins", origins);
  document.set(root, "file", document.string(crypto::sha256(file).hex()));
  return json::compact(root);
}

}  // namespace

Result<void> record_start(vault::AuditMap& audit, const Layout& layout, const std::string& seal, const ServeConfig& config) {
  vault::AuditEntry start = entry_of(vault::AuditKind::start);
  start.details = "{\"version\":\"" CARELEDGER_VERSION "\",\"seal\":\"" + seal + "\"}";
  CARELEDGER_CHECK(audit.append_and_wait(std::move(start)));
  vault::AuditEntry configuration = entry_of(vault::AuditKind::configuration);
  CARELEDGER_TRY(configuration.details, describe(layout, config));
  CARELEDGER_CHECK(audit.append_and_wait(std::move(configuration)));
  return {};
}

Result<void> record_stop(vault::AuditMap& audit) {
  CARELEDGER_CHECK(audit.append_and_wait(entry_of(vault::AuditKind::stop)));
  return {};
}

}  // namespace careledger::apps
