// Step 9: somebody with root edits what is stored; everything is brought back from the backup.

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "apps/demo/demo.h"
#include "apps/founding.h"
#include "ordering/witness.h"

namespace careledger::apps::demo {
namespace {

namespace fs = std::filesystem;

// The largest file below a folder whose name ends like this: where most of the data lies.
std::string largest(const std::string& folder, const std::string& ending) {
  std::string found;
  std::uintmax_t size = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || !entry.path().string().ends_with(ending) || entry.file_size() < size) continue;
    size = entry.file_size();
    found = entry.path().string();
  }
  return found;
}

// Flips one bit in the middle of a file, as somebody with root and an editor would.
Result<void> edit(const std::string& file) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  const auto middle = static_cast<std::streamoff>(fs::file_size(file) / 2);
  stream.seekg(middle);
  const int byte = stream.get();
  stream.seekp(middle);
  stream.put(static_cast<char>(byte ^ 1));
  stream.flush();
  if (!stream) return fail(ErrorKind::storage, "cannot edit " + file);
  return {};
}

struct Target {
  std::string what;
  std::function<std::string()> file;  // asked just before the edit: every opening of a store may have rewritten its files
};

Result<void> copy_folder(const std::string& from, const std::string& to) {
  std::error_code failed;
  fs::remove_all(to, failed);
  fs::copy(from, to, fs::copy_options::recursive, failed);
  if (failed) return fail(ErrorKind::storage, "cannot copy " + from + ": " + failed.message());
  return {};
}

Result<void> edit_and_audit(Stage& stage, const Target& target) {
  const std::string kept = stage.scratch + "/kept";
  CARELEDGER_CHECK(copy_folder(stage.layout.folder, kept));
  const std::string file = target.file();
  if (file.empty()) return fail(ErrorKind::not_found, "nothing to edit for " + target.what);
  CARELEDGER_CHECK(edit(file));
  CARELEDGER_TRY(const Finished audit, run_self({"audit", stage.layout.folder}));
  CARELEDGER_CHECK(copy_folder(kept, stage.layout.folder));
  if (audit.exit != 1 || audit.out.find("Found:") == std::string::npos)
    return fail(ErrorKind::invalid,
                "careledger audit did not see an edit of " + target.what + " (exit code " + std::to_string(audit.exit) + ")");
  std::string finding = audit.out.substr(audit.out.find("Found:"));
  finding = finding.substr(0, finding.find('\n'));
  for (std::size_t at = finding.find(stage.scratch); at != std::string::npos; at = finding.find(stage.scratch))
    finding.erase(at, stage.scratch.size() + 1);
  stage.say(fmt::format("{}: {}", target.what, finding));
  return {};
}

// Whoever has every key of the node can sign another history. The witnesses remember the one they saw.
Result<void> show_rewritten_history(Stage& stage) {
  const Layout forged = layout_of(stage.scratch + "/forged");
  NewLedger order;
  order.name = "Forged";
  order.organisations = {{kNorth, "hospital", 0}};
  CARELEDGER_TRY(const Config config, found_ledger(forged, order, system_clock(), system_entropy(), {}));
  CARELEDGER_TRY(const auto node, Node::open(forged, {}, system_clock(), system_entropy()));
  const replica::View rewritten = node->ledger().replica().view();
  // The witness of a real member, with its real memory, is asked to cosign what the thief made.
  const std::string slug = slug_of(kRegulator);
  CARELEDGER_TRY(const vault::Seal seal, open_seal(stage.layout, {}, false, system_entropy()));
  CARELEDGER_TRY(const auto keys, vault::Keystore::open(stage.layout.organisation_keystore(slug), seal, system_clock(), system_entropy()));
  CARELEDGER_TRY(crypto::SigningKey key, keys->signing(vault::Purpose::cosign));
  CARELEDGER_TRY(const auto witness,
                 ordering::Witness::open(system_files(), stage.layout.witness(slug), slug, std::move(key), system_clock()));
  const auto remembered = witness->remembered();
  if (!remembered) return fail(ErrorKind::invalid, "the regulator's witness remembers nothing");
  const auto cosigned =
      witness->cosign({remembered->origin, std::max(remembered->size + 1, rewritten.log_size()), rewritten.log_root()}, {});
  node->stop();
  if (cosigned) return fail(ErrorKind::invalid, "a witness cosigned a rewritten history");
  stage.say("a history rewritten and signed with stolen keys: " + cosigned.error().message);
  return {};
}

Result<void> run_attack(Stage& stage) {
  stage.stop();
  const std::string data = stage.scratch + "/backup-data";
  const std::string keys = stage.scratch + "/backup-keys";
  CARELEDGER_TRY(const Finished backup, run_self({"backup", stage.layout.folder, "--data", data, "--keys", keys}));
  if (backup.exit != 0) return fail(ErrorKind::storage, "careledger backup ended with exit code " + std::to_string(backup.exit));
  CARELEDGER_TRY(const Finished before, run_self({"audit", stage.layout.folder}));
  if (before.exit != 0) return fail(ErrorKind::corrupt, "careledger audit found damage before anything was edited: " + before.out);

  const std::string north = slug_of(kNorth);
  const auto records = [&] { return largest(stage.layout.vault(north), ".sst"); };
  const auto accesses = [&] { return stage.layout.audit(north) + "/audit.log"; };
  const auto blocks = [&] { return largest(stage.layout.ledger(), ".sst"); };
  const std::vector<Target> targets{
      {"a stored record edited", records}, {"an audit entry edited", accesses}, {"a block of the ledger edited", blocks}};
  for (const Target& target : targets) CARELEDGER_CHECK(edit_and_audit(stage, target));
  CARELEDGER_CHECK(show_rewritten_history(stage));

  fs::remove_all(stage.layout.folder);
  CARELEDGER_TRY(const Finished restored, run_self({"restore", stage.layout.folder, "--data", data, "--keys", keys}));
  if (restored.exit != 0) return fail(ErrorKind::storage, "careledger restore ended with exit code " + std::to_string(restored.exit));
  stage.say("the folder was destroyed; " + restored.out.substr(0, restored.out.find('\n')));
  CARELEDGER_CHECK(stage.serve());
  CARELEDGER_CHECK(stage.fhir(kNorth, edge::auth::Role::clinician, edge::http::Method::get, "/Patient/" + stage.north_patient));
  stage.say("the node serves again and the patient's record is there");
  return {};
}

}  // namespace

Step attack_and_restore() {
  return {"Somebody with root edits what is stored",
          "every edit is named, a rewritten history is refused by those who remember, and the backup brings everything back", run_attack};
}

}  // namespace careledger::apps::demo
