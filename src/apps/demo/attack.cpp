// Step 9: somebody with root edits what is stored; everything is brought back from the backup.

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "apps/demo/acts.h"
#include "apps/demo/demo.h"
#include "apps/demo/insider.h"
#include "apps/terminal.h"

namespace careledger::apps::demo {
namespace {

namespace fs = std::filesystem;
namespace json = codec::json;

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
Result<void> flip_bit(const std::string& file) {
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

// One row each of records, index, accesses and ledger, with the node's own keys: everything opens, and nothing is what was committed to.
Result<void> show_edited_rows(Stage& stage, const OrganisationConfig& north) {
  const Layout edited = layout_of(stage.scratch + "/edited");
  CARELEDGER_CHECK(copy_node(stage.host(kNorth).layout, edited));
  CARELEDGER_TRY(const EditedRows rows, edit_rows(edited, north, stage.north_observation, stage.north_patient));
  CARELEDGER_TRY(const std::string audit, audit_finds(edited.folder));
  const std::pair<const char*, std::string> wanted[] = {
      {"a laboratory result, sealed again under its own key", rows.observation + "/_history/"},
      {"an index row, so that the patient is found by another birth date", "Patient?birthdate of " + rows.patient},
      {"an audit entry, so that somebody else did it", "audit entry " + std::to_string(rows.audit_entry) + ":"},
      {"a command in a block", "block " + std::to_string(rows.block.value) + ":"}};
  for (const auto& [what, where] : wanted) {
    CARELEDGER_TRY(const std::string line, finding(stage, audit, where));
    stage.say(fmt::format("edited {}. {}", what, line));
  }
  return {};
}

Result<void> show_flipped_bit(Stage& stage, const OrganisationConfig& north) {
  const Layout edited = layout_of(stage.scratch + "/edited");
  CARELEDGER_CHECK(copy_node(stage.host(kNorth).layout, edited));
  const std::string file = largest(edited.vault(north.slug), ".sst");
  if (file.empty()) return fail(ErrorKind::not_found, "nothing to edit on the disk");
  CARELEDGER_CHECK(flip_bit(file));
  CARELEDGER_TRY(const std::string audit, audit_finds(edited.folder));
  CARELEDGER_TRY(const std::string line, finding(stage, audit, fs::path(file).filename()));
  stage.say("one bit on the disk. " + line);
  return {};
}

// The wallet meets the other history: what it says.
Result<std::string> wallet_refuses(Stage& stage, const Layout& forged) {
  CARELEDGER_TRY(const auto node, NodeAccess::open(forged, {}));
  CARELEDGER_TRY(const std::string origin, node->origin_of(kNorth));
  CARELEDGER_TRY(const Finished met, run_self({"--json", "wallet", "log", stage.wallet(), "--node", origin}));
  CARELEDGER_TRY(const json::Document answer, json::parse(met.out));
  const json::Value* error = answer.root().find("error");
  if (met.exit == 0 || error == nullptr) return fail(ErrorKind::invalid, "the wallet accepted a rewritten history");
  return std::string(error->string_at("message"));
}

// Whoever has every key of the node can sign another history, and by itself it is sound. Those outside remember the one they saw.
Result<void> show_rewritten_history(Stage& stage) {
  const Layout forged = layout_of(stage.scratch + "/forged");
  CARELEDGER_CHECK(copy_node(stage.host(kNorth).layout, forged));
  CARELEDGER_TRY(const Rewritten rewritten, rewrite_history(forged));
  CARELEDGER_TRY(const Finished alone, run_self({"audit", forged.folder}));
  if (alone.exit != 0) return fail(ErrorKind::invalid, "the rewritten history does not pass for sound by itself: " + alone.out);
  stage.say(
      fmt::format("with the stolen keys all {} blocks are signed again, without the patient's withdrawal in block {}: by itself the "
                  "other history opens, serves and audits as sound",
                  rewritten.blocks, rewritten.block.value));
  const std::string remembered = stage.scratch + "/remembered.note";
  const std::string trust = stage.scratch + "/remembered.json";
  CARELEDGER_TRY(const Finished kept, run_self({"wallet", "checkpoint", stage.wallet(), "-o", remembered, "--trust-out", trust}));
  if (kept.exit != 0) return fail(ErrorKind::invalid, "the wallet remembers no checkpoint");
  const std::string slug = slug_of(kRegulator);
  CARELEDGER_CHECK(copy_over(stage.host(kRegulator).layout.witness(slug), forged.witness(slug)));
  CARELEDGER_TRY(const std::string audit, audit_finds(forged.folder, {"--checkpoint", remembered, "--trust", trust}));
  CARELEDGER_TRY(std::string line, finding(stage, audit, "remembered.note"));
  stage.say("against the checkpoint that the patient's wallet cosigned. " + line);
  CARELEDGER_TRY(line, finding(stage, audit, "witness " + slug));
  stage.say("the regulator is asked to cosign. " + line);
  CARELEDGER_CHECK(system_files().remove(forged.witness(slug)));
  CARELEDGER_TRY(const std::string refusal, wallet_refuses(stage, forged));
  stage.say("the wallet is shown it: " + refusal);
  return {};
}

Result<void> run_attack(Stage& stage) {
  const Layout layout = stage.host(kNorth).layout;
  Progress bar("    backup, attacks, audits", 5);
  stage.stop();
  const std::string data = stage.scratch + "/backup-data";
  const std::string keys = stage.scratch + "/backup-keys";
  CARELEDGER_TRY(const Finished backup, run_self({"backup", layout.folder, "--data", data, "--keys", keys}));
  if (backup.exit != 0) return fail(ErrorKind::storage, "careledger backup ended with exit code " + std::to_string(backup.exit));
  CARELEDGER_TRY(const Finished before, run_self({"audit", layout.folder}));
  if (before.exit != 0) return fail(ErrorKind::corrupt, "careledger audit found damage before anything was edited: " + before.out);

  CARELEDGER_TRY(const Config config, read_config(system_files(), layout.config()));
  const OrganisationConfig& north = *config.find(kNorth);
  bar.to(1);
  CARELEDGER_CHECK(show_edited_rows(stage, north));
  bar.to(2);
  CARELEDGER_CHECK(show_flipped_bit(stage, north));
  bar.to(3);
  CARELEDGER_CHECK(show_rewritten_history(stage));
  bar.to(4);

  fs::remove_all(layout.folder);
  CARELEDGER_TRY(const Finished restored, run_self({"restore", layout.folder, "--data", data, "--keys", keys}));
  if (restored.exit != 0) return fail(ErrorKind::storage, "careledger restore ended with exit code " + std::to_string(restored.exit));
  stage.say("the folder was destroyed; " + restored.out.substr(0, restored.out.find('\n')));
  CARELEDGER_CHECK(stage.serve());
  CARELEDGER_CHECK(stage.fhir(kNorth, edge::auth::Role::clinician, edge::http::Method::get, "/Patient/" + stage.north_patient));
  bar.to(5);
  stage.say("the node serves again and the patient's record is there");
  return {};
}

}  // namespace

Step attack_and_restore() {
  return {"Somebody with root edits what is stored",
          "every edit is named, whoever made it; a history signed again is refused by those who remember; the backup brings all back",
          run_attack};
}

}  // namespace careledger::apps::demo
