#include "apps/backup.h"

#include <filesystem>

#include "replica/ledger_store.h"

namespace careledger::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSmallFileMax = 16u << 20;

std::string organisation_folder(const std::string& data, const std::string& slug) { return data + "/organisations/" + slug; }
std::string organisation_keys(const std::string& keys, const std::string& slug) { return keys + "/organisations/" + slug + ".keys"; }

Result<void> make_empty(const std::string& folder) {
  Files& files = system_files();
  CARELEDGER_CHECK(files.make_folder(folder));
  CARELEDGER_TRY(const std::vector<std::string> names, files.list(folder));
  if (!names.empty()) return fail(ErrorKind::conflict, folder + " is not empty; choose another folder");
  return {};
}

Result<void> copy_file(const std::string& from, const std::string& to) {
  CARELEDGER_TRY(const Bytes bytes, system_files().read_all(from, kSmallFileMax));
  return system_files().replace(to, bytes);
}

Result<void> copy_folder(const std::string& from, const std::string& to) {
  std::error_code failed;
  fs::copy(from, to, fs::copy_options::recursive, failed);
  if (failed) return fail(ErrorKind::storage, "cannot copy " + from + " to " + to + ": " + failed.message());
  return {};
}

Result<void> record(Organisation& organisation, vault::AuditKind kind) {
  vault::AuditEntry entry;
  entry.kind = kind;
  entry.actor = "Device/command-line";
  entry.role = "administrator";
  CARELEDGER_CHECK(organisation.audit().append_and_wait(std::move(entry)));
  return {};
}

Result<void> back_up_organisation(Organisation& organisation, const Layout& layout, const BackupFolders& to, BackedUp& done) {
  const std::string& slug = organisation.config().slug;
  const std::string folder = organisation_folder(to.data, slug);
  CARELEDGER_CHECK(system_files().make_folder(folder));
  CARELEDGER_TRY(const vault::BackupReport records, vault::write_backup(organisation.vault(), folder + "/records.backup"));
  CARELEDGER_TRY(const std::uint64_t entries, vault::write_audit_backup(organisation.audit(), folder + "/audit.backup"));
  if (system_files().exists(layout.witness(slug))) CARELEDGER_CHECK(copy_file(layout.witness(slug), folder + "/witness"));
  CARELEDGER_CHECK(vault::write_key_backup(organisation.vault(), layout.organisation_keystore(slug), organisation_keys(to.keys, slug)));
  done.versions += records.versions;
  done.audit_entries += entries;
  return {};
}

}  // namespace

Result<BackedUp> back_up(Node& node, const Layout& layout, const BackupFolders& to) {
  CARELEDGER_CHECK(make_empty(to.data));
  CARELEDGER_CHECK(make_empty(to.keys));
  CARELEDGER_CHECK(system_files().make_folder(to.keys + "/organisations"));
  BackedUp done;
  for (const auto& organisation : node.organisations()) CARELEDGER_CHECK(record(*organisation, vault::AuditKind::backup));
  for (const auto& organisation : node.organisations()) CARELEDGER_CHECK(back_up_organisation(*organisation, layout, to, done));
  // The ledger last: it may know more than the vaults, never less.
  done.height = node.ledger().ordering().height();
  CARELEDGER_CHECK(node.ledger().store().checkpoint(to.data + "/ledger"));
  CARELEDGER_CHECK(copy_file(layout.founding(), to.data + "/founding.pb"));
  CARELEDGER_CHECK(copy_file(layout.config(), to.data + "/careledger.json"));
  CARELEDGER_CHECK(copy_file(layout.keystore(), to.keys + "/ledger.keys"));
  return done;
}

Result<BackedUp> verify_backup(const BackupFolders& from, const SealChoice& choice, const Layout& layout, Clock& clock, Entropy& entropy) {
  // Keys are put together in a folder of their own for as long as this takes: data stays where it is.
  std::string pattern = fs::temp_directory_path().string() + "/careledger-verify-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return fail(ErrorKind::storage, "cannot make a folder for temporary files");
  const struct Remove {
    std::string path;
    ~Remove() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  } remove{pattern};
  CARELEDGER_TRY(const Config config, read_config(system_files(), from.data + "/careledger.json"));
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, choice, false, entropy));
  BackedUp done;
  for (const OrganisationConfig& organisation : config.organisations) {
    const std::string aside = pattern + "/" + organisation.slug;
    CARELEDGER_CHECK(system_files().make_folder(aside));
    CARELEDGER_CHECK(vault::restore_key_backup(organisation_keys(from.keys, organisation.slug), aside + "/keystore", aside + "/vault"));
    CARELEDGER_TRY(const auto keys, vault::Keystore::open(aside + "/keystore", seal, clock, entropy));
    const std::string folder = organisation_folder(from.data, organisation.slug);
    CARELEDGER_TRY(const vault::BackupReport records,
                   vault::verify_backup(folder + "/records.backup", organisation.id, *keys, aside + "/vault", entropy));
    if (records.damaged > 0)
      return fail(ErrorKind::corrupt, folder + "/records.backup: " + std::to_string(records.damaged) + " records do not open");
    CARELEDGER_TRY(const std::uint64_t entries, vault::verify_audit_backup(folder + "/audit.backup", *keys));
    done.versions += records.versions;
    done.audit_entries += entries;
  }
  CARELEDGER_TRY(const auto keys, vault::Keystore::open(from.keys + "/ledger.keys", seal, clock, entropy));
  replica::LedgerStoreOptions options;
  options.folder = pattern + "/ledger";
  CARELEDGER_CHECK(copy_folder(from.data + "/ledger", options.folder));
  CARELEDGER_TRY(const auto store, replica::open_ledger_store(options));
  CARELEDGER_CHECK(store->verify());
  return done;
}

Result<BackedUp> restore(const Layout& layout, const BackupFolders& from, const SealChoice& choice, Clock& clock, Entropy& entropy) {
  CARELEDGER_CHECK(make_empty(layout.folder));
  CARELEDGER_TRY(const Config config, read_config(system_files(), from.data + "/careledger.json"));
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, choice, false, entropy));
  CARELEDGER_CHECK(copy_file(from.keys + "/ledger.keys", layout.keystore()));
  CARELEDGER_CHECK(copy_file(from.data + "/founding.pb", layout.founding()));
  CARELEDGER_CHECK(copy_folder(from.data + "/ledger", layout.ledger()));
  BackedUp done;
  for (const OrganisationConfig& organisation : config.organisations) {
    const std::string& slug = organisation.slug;
    const std::string folder = organisation_folder(from.data, slug);
    CARELEDGER_CHECK(system_files().make_folder(layout.audit(slug)));
    CARELEDGER_CHECK(vault::restore_key_backup(organisation_keys(from.keys, slug), layout.organisation_keystore(slug), layout.vault(slug)));
    CARELEDGER_TRY(const auto keys, vault::Keystore::open(layout.organisation_keystore(slug), seal, clock, entropy));
    vault::VaultOptions options;
    options.folder = layout.vault(slug);
    options.organisation = organisation.id;
    CARELEDGER_TRY(const vault::BackupReport records, vault::restore_backup(folder + "/records.backup", options, *keys, clock, entropy));
    CARELEDGER_CHECK(copy_folder(folder + "/audit.backup", layout.audit(slug) + "/audit.log"));
    if (system_files().exists(folder + "/witness")) CARELEDGER_CHECK(copy_file(folder + "/witness", layout.witness(slug)));
    done.versions += records.versions;
  }
  CARELEDGER_CHECK(copy_file(from.data + "/careledger.json", layout.config()));
  CARELEDGER_TRY(const auto node, Node::open(layout, choice, clock, entropy));
  for (const auto& organisation : node->organisations()) {
    CARELEDGER_CHECK(record(*organisation, vault::AuditKind::restore));
    done.audit_entries += organisation->audit().size();
  }
  done.height = node->ledger().ordering().height();
  node->stop();
  return done;
}

}  // namespace careledger::apps
