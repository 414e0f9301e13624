#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "apps/clock_check.h"
#include "apps/commands/command.h"
#include "apps/config.h"
#include "apps/terminal.h"
#include "codec/json/json.h"
#include "crypto/secret.h"

namespace careledger::apps::commands {
namespace {

namespace json = codec::json;

enum class Verdict : std::uint8_t { well, warning, wrong };

struct Finding {
  Verdict verdict;
  std::string about;
  std::string what;  // and what to do
};

constexpr std::uint64_t kDiskWantedMb = 1024;
constexpr rlim_t kFilesWanted = 4096;

mode_t mode_of(const std::string& path) {
  struct stat s{};
  return ::stat(path.c_str(), &s) == 0 ? (s.st_mode & 07777u) : 0;
}

Finding look_at_config(const Layout& layout) {
  const auto config = read_config(system_files(), layout.config());
  if (!config) return {Verdict::wrong, "configuration", config.error().message};
  return {Verdict::well, "configuration", fmt::format("{} organisations", config->organisations.size())};
}

// Opens every keystore with the key that `serve` would use. A passphrase is only tried when it was named: nobody is asked for one here.
Finding look_at_keystores(const Layout& layout, const SealChoice& choice) {
  const auto info = vault::Keystore::describe(layout.keystore());
  if (!info) return {Verdict::wrong, "keystore", info.error().message};
  if (info->method == "passphrase" && choice.passphrase_file.empty())
    return {Verdict::well, "keystore", "sealed by passphrase; not tried: name it with --passphrase-file"};
  const auto seal = open_seal(layout, choice, false, system_entropy());
  if (!seal) return {Verdict::wrong, "keystore", seal.error().message};
  std::vector<std::string> paths{layout.keystore()};
  if (const auto config = read_config(system_files(), layout.config()))
    for (const OrganisationConfig& one : config->organisations) paths.push_back(layout.organisation_keystore(one.slug));
  for (const std::string& path : paths) {
    if (const auto opened = vault::Keystore::open(path, *seal, system_clock(), system_entropy()); !opened)
      return {Verdict::wrong, "keystore", path + ": " + opened.error().message};
  }
  return {Verdict::well, "keystore", fmt::format("{} keystores open by {}", paths.size(), info->method)};
}

Finding look_at_permissions(const Layout& layout) {
  for (const std::string& path : {layout.folder, layout.ledger(), layout.folder + "/organisations"}) {
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0)
      return {Verdict::wrong, "permissions", fmt::format("cannot write in {}: {}", path, std::strerror(errno))};
    struct statvfs s{};
    if (::statvfs(path.c_str(), &s) == 0 && (s.f_flag & ST_RDONLY) != 0)
      return {Verdict::wrong, "permissions", path + " lies on a file system that is mounted read-only"};
  }
  if ((mode_of(layout.folder) & 077u) != 0)
    return {Verdict::warning, "permissions", fmt::format("others may enter {}: chmod 700 {}", layout.folder, layout.folder)};
  return {Verdict::well, "permissions", "only the owner enters the folder, and may write in it"};
}

Finding look_at_disk(const Layout& layout) {
  struct statvfs s{};
  if (::statvfs(layout.folder.c_str(), &s) != 0) return {Verdict::wrong, "disk", "cannot ask how full it is"};
  const std::uint64_t free_mb = std::uint64_t{s.f_bavail} * s.f_frsize / (1u << 20);
  if (free_mb < kDiskWantedMb)
    return {Verdict::wrong, "disk", fmt::format("only {} MB are free; make room before the node stops", free_mb)};
  return {Verdict::well, "disk", fmt::format("{} MB free", free_mb)};
}

Finding look_at_swap() {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::size_t lines = 0;
  while (std::getline(swaps, line)) ++lines;
  if (lines > 1)
    return {Verdict::warning, "swap", "is on: keys are locked in memory, but records in flight are not; encrypt it or switch it off"};
  return {Verdict::well, "swap", "off"};
}

Finding look_at_limits() {
  const crypto::Secret probe(32);
  if (!crypto::memory_is_locked()) return {Verdict::warning, "limits", "memory for keys cannot be locked: raise LimitMEMLOCK to 16M"};
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < kFilesWanted)
    return {Verdict::warning, "limits", fmt::format("{} open files are few: raise LimitNOFILE to {}", files.rlim_cur, kFilesWanted)};
  return {Verdict::well, "limits", fmt::format("keys are locked in memory, {} open files", files.rlim_cur)};
}

Finding look_at_clock(const Layout& layout) {
  ClockCheck clock = check_clock(layout, system_clock().now());
  return {clock.well ? Verdict::well : Verdict::wrong, "clock", std::move(clock.what)};
}

int run(const FolderOptions& options, bool as_json) {
  const Layout layout = layout_of(options.folder);
  const std::vector<Finding> findings{look_at_config(layout),
                                      look_at_keystores(layout, options.seal),
                                      look_at_permissions(layout),
                                      look_at_disk(layout),
                                      look_at_swap(),
                                      look_at_limits(),
                                      look_at_clock(layout)};
  bool wrong = false;
  json::Document document;
  json::Value list = document.array();
  for (const Finding& finding : findings) {
    wrong = wrong || finding.verdict == Verdict::wrong;
    const char* word = finding.verdict == Verdict::well ? "well" : finding.verdict == Verdict::warning ? "warning" : "wrong";
    if (!as_json) fmt::print("{:<8} {:<14} {}\n", finding.verdict == Verdict::well ? green(word) : red(word), finding.about, finding.what);
    json::Value value = document.object();
    document.set(value, "verdict", document.string(word));
    document.set(value, "about", document.string(finding.about));
    document.set(value, "what", document.string(finding.what));
    document.append(list, value);
  }
  document.root() = list;
  if (as_json) fmt::print("{}\n", json::compact(document.root()));
  return static_cast<int>(wrong ? Exit::failed : Exit::ok);
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("doctor", "look at configuration, permissions, disk, swap, clock and limits, and say what to do");
  auto options = std::make_shared<FolderOptions>();
  add_folder(*command, *options);
  example(*command, "careledger doctor /srv/care");
  command->callback([options, &context] { context.chosen = [options, &context] { return run(*options, context.json); }; });
}

}  // namespace careledger::apps::commands
