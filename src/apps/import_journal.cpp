#include "apps/import_journal.h"

#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "crypto/hash.h"

namespace careledger::apps {
namespace {

constexpr std::size_t kJournalMax = 64u << 20;
constexpr std::string_view kTitle = "careledger-import 1 ";
constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kNameDigits = 32;

// A hash: a file's name may be a patient's.
std::string name_of_source(const std::string& source) {
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(source, failed);
  return crypto::sha256(failed ? source : absolute.lexically_normal().string()).hex().substr(0, kNameDigits);
}

}  // namespace

Result<ImportJournal> ImportJournal::open(const std::string& path) {
  ImportJournal journal;
  if (path.empty()) return journal;
  Files& files = system_files();
  CARELEDGER_TRY(journal.lock_, FileLock::take(path + ".lock", "another import works with the journal " + path + "; let it end first"));
  if (!files.exists(path)) {
    CARELEDGER_CHECK(files.replace(path, std::string(kTitle) + to_hex(system_entropy().take(kIdBytes)) + "\n"));
  }
  CARELEDGER_TRY(const Bytes text, files.read_all(path, kJournalMax));
  const std::size_t title_end = text.find('\n');
  if (!text.starts_with(kTitle) || title_end != kTitle.size() + 2 * kIdBytes)
    return fail(ErrorKind::invalid, path + " is no journal of an import");
  journal.id_ = text.substr(kTitle.size(), 2 * kIdBytes);
  const std::size_t whole = text.rfind('\n') + 1;
  for (std::size_t at = title_end + 1; at < whole; at += kNameDigits + 1) {
    if (text.find('\n', at) != at + kNameDigits) return fail(ErrorKind::corrupt, path + " is damaged: a line has another length");
    journal.taken_.insert(text.substr(at, kNameDigits));
  }
  CARELEDGER_TRY(journal.file_, files.open(path, false));
  if (whole != text.size()) CARELEDGER_CHECK(journal.file_->truncate(whole));
  return journal;
}

bool ImportJournal::holds(const std::string& source) const { return !taken_.empty() && taken_.contains(name_of_source(source)); }

Result<void> ImportJournal::note(const std::string& source) {
  return file_ ? file_->append(name_of_source(source) + "\n") : Result<void>{};
}

std::string ImportJournal::key(const ImportPiece& piece, std::size_t number) const {
  if (!file_) return {};
  const Digest contents = crypto::sha256(piece.body);
  return crypto::sha256({id_, name_of_source(piece.source), u64_bytes(number), contents.view()}).hex();
}

}  // namespace careledger::apps
