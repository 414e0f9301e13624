#include "apps/backup.h"

#include <filesystem>

#include "apps/act_record.h"
#include "apps/network/growing.h"
#include "apps/network/grown_file.h"
#include "apps/network/old_chain.h"
#include "apps/network/restored.h"
#include "apps/upgrade.h"
#include "codec/json/json.h"
#include "exchange/promises.h"
#include "kernel/tables.h"
#include "replica/ledger_store.h"
#include "vault/shred.h"

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

// A file of any size, durable.
Result<void> copy_if_there(const std::string& from, const std::string& to) {
  constexpr std::size_t kPart = 1u << 20;
  if (!system_files().exists(from)) return {};
  CARELEDGER_TRY(const auto in, system_files().open(from, false));
  CARELEDGER_TRY(const auto out, system_files().open(to, true));
  for (std::uint64_t at = 0;; at += kPart) {
    CARELEDGER_TRY(const Bytes part, in->read(at, kPart));
    CARELEDGER_CHECK(out->append(part));
    if (part.size() < kPart) return out->sync();
  }
}

// Keys put together for as long as a backup is verified. What lies here is shredded: an erasure that comes later must find no copy.
class KeysAside {
 public:
  explicit KeysAside(std::string folder) : folder_(std::move(folder)) {}
  ~KeysAside() { static_cast<void>(vault::shred_folder(folder_)); }
  KeysAside(const KeysAside&) = delete;
  KeysAside& operator=(const KeysAside&) = delete;
  std::string keystore(const std::string& slug) const { return folder_ + "/" + slug + "/keystore"; }
  std::string vault(const std::string& slug) const { return folder_ + "/" + slug + "/vault"; }
  Result<void> make(const std::string& slug) const { return system_files().make_folder(folder_ + "/" + slug); }
  Result<void> remove() const { return vault::shred_folder(folder_); }

 private:
  std::string folder_;
};

Result<void> back_up_records(Organisation& organisation, const Layout& layout, const BackupFolders& to, BackedUp& done) {
  const std::string& slug = organisation.config().slug;
  const std::string folder = organisation_folder(to.data, slug);
  if (system_files().exists(folder)) return fail(ErrorKind::conflict, folder + " is there already; choose another folder");
  CARELEDGER_CHECK(system_files().make_folder(folder));
  CARELEDGER_CHECK(copy_if_there(layout.witness(slug), folder + "/witness"));
  CARELEDGER_CHECK(copy_if_there(layout.timestamp(slug), folder + "/timestamp.pem"));
  CARELEDGER_TRY(const vault::BackupReport records, vault::write_backup(organisation.vault(), folder + "/records.backup"));
  done.versions = records.versions;
  return {};
}

Result<void> back_up_old_chain(const replica::View& view, const ordering::Grown& grown, const Layout& layout, const BackupFolders& to) {
  if (network::has_old_chain(view, grown)) return network::write_old_chain(system_files(), to.data + network::kOldChain, view, grown);
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  if (!network::is_former_owner(config, grown)) return {};
  return system_files().replace(to.data + network::kNoOldChain, "this node had none of the blocks from before its ledger grew\n");
}

Result<void> back_up_ledger(Ledger& ledger, const Layout& layout, const BackupFolders& to, BackedUp& done) {
  done.height = ledger.ordering().height();
  if (ledger.sealed())
    return fail(ErrorKind::precondition,
                "this ledger has just grown into a network, and what its members need is not complete before this node is one: end the "
                "growth (network grow), or start the node anew when that had ended, and back it up then");
  const bool embedded = ledger.embedded();
  if (embedded) {
    CARELEDGER_CHECK(ledger.store().checkpoint(to.data + "/ledger"));  // refuses a folder that is there
  } else {
    CARELEDGER_CHECK(copy_file(layout.founding_text(), to.data + "/founding.txt"));
    CARELEDGER_CHECK(ledger.grown() ? copy_if_there(layout.description(), to.data + "/description.json")
                                    : copy_file(layout.description(), to.data + "/description.json"));
    CARELEDGER_CHECK(copy_if_there(layout.grown(), to.data + "/grown.pb"));
    CARELEDGER_CHECK(copy_if_there(layout.grown_file(), to.data + "/grown.careledger"));
    const replica::View view = ledger.replica().view();
    if (ledger.grown()) CARELEDGER_CHECK(back_up_old_chain(view, *ledger.grown(), layout, to));
  }
  CARELEDGER_CHECK(copy_file(layout.founding(), to.data + "/founding.pb"));
  CARELEDGER_CHECK(copy_file(layout.config(), to.data + "/careledger.json"));
  CARELEDGER_CHECK(copy_file(layout.keystore(), to.keys + "/ledger.keys"));
  if (embedded && (ledger.sealed() || !ledger.embedded()))
    return fail(ErrorKind::conflict, "the ledger grew into a network while it was backed up: back it up again");
  return {};
}

Result<void> back_up_accesses(Organisation& organisation, const Layout& layout, const BackupFolders& to, BackedUp& done) {
  const std::string& slug = organisation.config().slug;
  if (const std::string from = layout.promises(slug); system_files().exists(from)) {
    const std::string copy = organisation_folder(to.data, slug) + "/promises";
    CARELEDGER_CHECK(exchange::PromiseBook::copy(from, copy, organisation.keys(), system_files()));
  }
  CARELEDGER_TRY(done.audit_entries, vault::write_audit_backup(organisation.audit(), organisation_folder(to.data, slug) + "/audit.backup"));
  return vault::write_key_backup(organisation.vault(), layout.organisation_keystore(slug), organisation_keys(to.keys, slug));
}

Result<void> verify_ledger(const BackupFolders& from, const std::string& aside) {
  replica::LedgerStoreOptions options;
  options.folder = aside;
  CARELEDGER_CHECK(copy_folder(from.data + "/ledger", options.folder));
  CARELEDGER_TRY(const auto store, replica::open_ledger_store(options));
  return store->verify();
}

// Whether it is the backup of a grown ledger's former owner and has none of the blocks from before that, as it says itself. Those that it
// has are read through. corrupt: they were lost, or are not those.
Result<bool> lacks_old_blocks(const BackupFolders& from, const Config& config) {
  if (!system_files().exists(from.data + "/grown.pb")) return false;
  CARELEDGER_TRY(const auto handed, network::GrownFile::open(system_files(), from.data + "/grown.careledger"));
  CARELEDGER_TRY(const bool there, network::backup_has_old_chain(system_files(), from.data, config, handed.grown()));
  if (there) CARELEDGER_CHECK(network::check_old_chain(system_files(), from.data + network::kOldChain, handed.grown()));
  return !there && network::is_former_owner(config, handed.grown());
}

// What a network's member is known by: without it nobody lets it in.
Result<void> verify_member(const BackupFolders& from, const Config& config, vault::Keystore& keys) {
  CARELEDGER_TRY(const Bytes founding, system_files().read_all(from.data + "/founding.pb", kFoundingBytesMax));
  if (kernel::ledger_id(founding) != config.ledger)
    return fail(ErrorKind::corrupt, from.data + "/founding.pb founds another ledger than careledger.json names");
  CARELEDGER_CHECK(system_files().read_all(from.data + "/founding.txt", kSmallFileMax));
  if (!system_files().exists(from.data + "/grown.pb"))
    CARELEDGER_CHECK(system_files().read_all(from.data + "/description.json", kSmallFileMax));
  for (const vault::Purpose purpose : {vault::Purpose::validator, vault::Purpose::engine_node})
    if (!keys.holds(purpose))
      return fail(ErrorKind::corrupt, from.keys + "/ledger.keys holds no key of a validator, or none of its engine");
  return {};
}

const char* name_of(BackupPart part) {
  switch (part) {
    case BackupPart::records: return "records";
    case BackupPart::ledger: return "ledger";
    case BackupPart::accesses: return "accesses";
  }
  return "";
}

// Asks one organisation's endpoint for one part, and comes again until it is made.
Result<void> ask_for(NodeAccess& node, const std::string& organisation, const BackupFolders& to, BackupPart part, BackedUp& done) {
  namespace http = edge::http;
  const auto administrator = edge::auth::Role::administrator;
  const std::string target = std::string("/admin/v1/backup?part=") + name_of(part) + "&data=" + http::percent_encode(to.data) +
                             "&keys=" + http::percent_encode(to.keys);
  auto request = http::make_request(http::Method::post, target);
  CARELEDGER_TRY(http::Response answer, node.need(organisation, administrator, std::move(request)));
  while (answer.status == 202) {
    CARELEDGER_TRY(answer, node.need(organisation, administrator, http::make_request(http::Method::get, "/admin/v1/backup")));
  }
  CARELEDGER_TRY(const codec::json::Document document, codec::json::parse(answer.content()));
  const auto number = [&](std::string_view name) -> std::uint64_t {
    const codec::json::Value* value = document.root().find(name);
    return value == nullptr ? 0 : std::strtoull(std::string(value->text()).c_str(), nullptr, 10);
  };
  done.versions += number("versions");
  done.audit_entries += number("audit_entries");
  done.height.value += number("height");
  return {};
}

}  // namespace

Result<BackedUp> back_up_part(Organisation& organisation, Ledger& ledger, const Layout& layout, const BackupFolders& to, BackupPart part) {
  BackedUp done;
  Result<void> made;
  switch (part) {
    case BackupPart::records: made = back_up_records(organisation, layout, to, done); break;
    case BackupPart::ledger: made = back_up_ledger(ledger, layout, to, done); break;
    case BackupPart::accesses: made = back_up_accesses(organisation, layout, to, done); break;
  }
  if (!made) return tl::make_unexpected(std::move(made.error()));
  return done;
}

Result<BackedUp> back_up(NodeAccess& node, const BackupFolders& to) {
  CARELEDGER_CHECK(make_empty(to.data));
  CARELEDGER_CHECK(make_empty(to.keys));
  CARELEDGER_CHECK(system_files().make_folder(to.keys + "/organisations"));
  BackedUp done;
  const auto& organisations = node.config().organisations;
  for (const OrganisationConfig& one : organisations) CARELEDGER_CHECK(ask_for(node, one.slug, to, BackupPart::records, done));
  CARELEDGER_CHECK(ask_for(node, organisations.front().slug, to, BackupPart::ledger, done));
  for (const OrganisationConfig& one : organisations) CARELEDGER_CHECK(ask_for(node, one.slug, to, BackupPart::accesses, done));
  done.without_old_blocks = system_files().exists(to.data + network::kNoOldChain);
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
  const KeysAside aside(pattern + "/keys");
  for (const OrganisationConfig& organisation : config.organisations) {
    const std::string& slug = organisation.slug;
    CARELEDGER_CHECK(aside.make(slug));
    CARELEDGER_CHECK(vault::restore_key_backup(organisation_keys(from.keys, slug), aside.keystore(slug), aside.vault(slug)));
    CARELEDGER_TRY(const auto keys, vault::Keystore::open(aside.keystore(slug), seal, clock, entropy));
    const std::string folder = organisation_folder(from.data, slug);
    CARELEDGER_TRY(const vault::BackupReport records,
                   vault::verify_backup(folder + "/records.backup", organisation.id, *keys, aside.vault(slug), entropy));
    if (records.damaged > 0)
      return fail(ErrorKind::corrupt, folder + "/records.backup: " + std::to_string(records.damaged) + " records do not open");
    CARELEDGER_TRY(const std::uint64_t entries, vault::verify_audit_backup(folder + "/audit.backup", *keys));
    if (system_files().exists(folder + "/promises"))
      CARELEDGER_CHECK(exchange::PromiseBook::verify(folder + "/promises", *keys, system_files()));
    done.versions += records.versions;
    done.audit_entries += entries;
  }
  CARELEDGER_CHECK(aside.remove());
  CARELEDGER_TRY(const auto keys, vault::Keystore::open(from.keys + "/ledger.keys", seal, clock, entropy));
  if (config.network) CARELEDGER_CHECK(verify_member(from, config, *keys));
  else CARELEDGER_CHECK(verify_ledger(from, pattern + "/ledger"));
  CARELEDGER_TRY(done.without_old_blocks, lacks_old_blocks(from, config));
  return done;
}

namespace {

// When the newest of it was written.
Result<BlockTime> restore_organisation(const Layout& layout, const BackupFolders& from, const OrganisationConfig& organisation,
                                       const vault::Seal& seal, Clock& clock, Entropy& entropy) {
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
  CARELEDGER_CHECK(copy_if_there(folder + "/witness", layout.witness(slug)));
  CARELEDGER_CHECK(copy_if_there(folder + "/timestamp.pem", layout.timestamp(slug)));
  CARELEDGER_CHECK(copy_if_there(folder + "/promises", layout.promises(slug)));
  return records.time;
}

// Before anything is written: whoever mends the backup then gives the same command again.
Result<void> check_old_blocks(const BackupFolders& from) {
  if (!system_files().exists(from.data + "/grown.pb")) return {};
  CARELEDGER_TRY(const Config config, read_config(system_files(), from.data + "/careledger.json"));
  CARELEDGER_CHECK(lacks_old_blocks(from, config));
  return {};
}

Result<void> restore_folder(const Layout& layout, const BackupFolders& from, const SealChoice& choice, Clock& clock, Entropy& entropy) {
  CARELEDGER_CHECK(check_old_blocks(from));
  CARELEDGER_CHECK(make_empty(layout.folder));
  CARELEDGER_CHECK(copy_file(from.data + "/careledger.json", layout.config()));
  CARELEDGER_CHECK(upgrade_config(system_files(), layout.config()));
  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  CARELEDGER_TRY(const vault::Seal seal, open_seal(layout, choice, false, entropy));
  CARELEDGER_CHECK(copy_file(from.keys + "/ledger.keys", layout.keystore()));
  CARELEDGER_CHECK(copy_file(from.data + "/founding.pb", layout.founding()));
  BlockTime used = clock.now();
  for (const OrganisationConfig& organisation : config.organisations) {
    CARELEDGER_TRY(const BlockTime written, restore_organisation(layout, from, organisation, seal, clock, entropy));
    used = std::max(used, written);
  }
  if (!config.network) return copy_folder(from.data + "/ledger", layout.ledger());
  CARELEDGER_CHECK(copy_file(from.data + "/founding.txt", layout.founding_text()));
  CARELEDGER_CHECK(copy_if_there(from.data + "/description.json", layout.description()));
  CARELEDGER_CHECK(copy_if_there(from.data + "/grown.pb", layout.grown()));
  CARELEDGER_CHECK(copy_if_there(from.data + "/grown.careledger", layout.grown_file()));
  CARELEDGER_CHECK(copy_if_there(from.data + network::kOldChain, layout.old_chain()));
  return network::begin_silent(layout, config, fs::absolute(from.data).string(), used);
}

}  // namespace

Result<BackedUp> restore(const Layout& layout, const BackupFolders& from, const SealChoice& choice, Clock& clock, Entropy& entropy,
                         const network::JoinOrder& fetching) {
  if (!system_files().exists(layout.restoring())) CARELEDGER_CHECK(restore_folder(layout, from, choice, clock, entropy));
  BackedUp done;
  if (system_files().exists(layout.restoring())) {
    CARELEDGER_TRY(const Bytes begun, system_files().read_all(layout.restoring(), kSmallFileMax));
    if (begun != fs::absolute(from.data).string())
      return fail(ErrorKind::conflict,
                  layout.folder + " is being restored from " + begun + ": name that again, or remove the folder first");
    network::JoinOrder order = fetching;
    order.seal = choice;
    if (system_files().exists(layout.grown())) CARELEDGER_CHECK(network::load_grown(layout));
    CARELEDGER_TRY(done.lost_entries, network::come_back(layout, order, clock, entropy));
  }
  CARELEDGER_TRY(const auto node, Node::open_at_rest(layout, choice, clock, entropy));
  for (const auto& organisation : node->organisations()) {
    if (!node->config().network) CARELEDGER_CHECK(record_act(organisation->audit(), vault::AuditKind::restore));
    done.versions += organisation->vault().figures().versions;
    done.audit_entries += organisation->audit().size();
  }
  done.height = node->ledger().ordering().height();
  if (const auto& grown = node->ledger().grown())
    done.without_old_blocks =
        network::is_former_owner(node->config(), *grown) && !network::has_old_chain(node->ledger().replica().view(), *grown);
  node->stop();
  return done;
}

}  // namespace careledger::apps
