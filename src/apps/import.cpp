#include "apps/import.h"

#include <atomic>
#include <set>
#include <thread>
#include <utility>

#include "codec/json/json.h"
#include "crypto/hash.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
namespace json = codec::json;

constexpr std::size_t kUnpackedMax = 256u << 20;
constexpr std::size_t kJournalMax = 64u << 20;

// Names of what was taken, as hashes: a file's name may be a patient's.
std::string journal_line(const std::string& path) { return crypto::sha256(path).hex().substr(0, 32); }

// Counts entries of the answer that were taken; the others' words go into the report.
std::uint64_t read_answer(const http::Response& response, const ImportPiece& piece, std::vector<RefusedItem>& refused) {
  const auto document = json::parse(response.content());
  if (!document) return 0;
  std::uint64_t taken = 0;
  std::size_t index = 0;
  for (const json::Value& entry : document->root().items_at("entry")) {
    const json::Value* answer = entry.find("response");
    const std::string status(answer == nullptr ? "" : answer->string_at("status"));
    if (status.starts_with("2")) {
      ++taken;
    } else {
      const json::Value* outcome = answer == nullptr ? nullptr : answer->find("outcome");
      const auto issues = outcome == nullptr ? std::span<const json::Value>() : outcome->items_at("issue");
      std::string why = status;
      for (const json::Value& issue : issues) {
        why += &issue == issues.data() ? " " : "; ";
        for (const json::Value& where : issue.items_at("expression")) why += std::string(where.text()) + ": ";
        why += issue.string_at("diagnostics");
      }
      refused.push_back({piece.place(index), std::move(why)});
    }
    ++index;
  }
  return taken;
}

class Import {
 public:
  Import(NodeAccess& node, const ImportOptions& options) : node_(node), options_(options) {}

  Result<ImportReport> run(const std::function<void(std::size_t, std::size_t)>& progress) {
    const std::uint64_t start = system_clock().monotonic_ns();
    CARELEDGER_TRY(files_, sources_of(options_.sources));
    CARELEDGER_CHECK(read_journal());
    report_.files = files_.size();
    progress_ = &progress;
    // What others refer to goes alone and first.
    while (next_ < files_.size() && is_infrastructure(files_[next_])) take(files_[next_++]);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.connections, 1); ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    if (failed_) return tl::make_unexpected(*failed_);
    report_.seconds = static_cast<double>(system_clock().monotonic_ns() - start) / 1e9;
    return std::move(report_);
  }

 private:
  static bool is_infrastructure(const std::string& path) { return path.find("Information") != std::string::npos; }

  Result<void> read_journal() {
    if (options_.journal.empty() || !system_files().exists(options_.journal)) return {};
    CARELEDGER_TRY(const Bytes text, system_files().read_all(options_.journal, kJournalMax));
    for (std::size_t at = 0; at + 33 <= text.size(); at += 33) taken_.insert(text.substr(at, 32));
    return {};
  }

  void work() {
    for (;;) {
      std::string path;
      {
        const std::lock_guard lock(mutex_);
        if (failed_ || next_ >= files_.size()) return;
        path = files_[next_++];
      }
      take(path);
    }
  }

  void take(const std::string& path) {
    {
      const std::lock_guard lock(mutex_);
      if (failed_) return;
      if (taken_.contains(journal_line(path))) {
        ++report_.skipped;
        tell();
        return;
      }
    }
    std::vector<RefusedItem> refused;
    std::uint64_t resources = 0;
    const bool whole = send_file(path, refused, resources);
    const std::lock_guard lock(mutex_);
    report_.resources += resources;
    for (RefusedItem& item : refused) report_.refused.push_back(std::move(item));
    if (whole) note_taken(path);
    tell();
  }

  bool send_file(const std::string& path, std::vector<RefusedItem>& refused, std::uint64_t& resources) {
    const auto text = read_source(path, kUnpackedMax);
    if (!text) {
      refused.push_back({path, text.error().message});
      return false;
    }
    std::vector<ImportPiece> pieces;
    if (path.find(".ndjson") != std::string::npos) {
      pieces = pieces_of_lines(path, *text, refused);
    } else {
      pieces.push_back({path, *text});
    }
    bool whole = true;
    for (ImportPiece& piece : pieces) whole = send(piece, refused, resources) && whole;
    return whole;
  }

  bool send(ImportPiece& piece, std::vector<RefusedItem>& refused, std::uint64_t& resources) {
    http::Request request = http::make_request(http::Method::post, "/fhir", std::move(piece.body), "application/fhir+json");
    const auto response = node_.need(options_.organisation, edge::auth::Role::system, std::move(request));
    if (response) {
      resources += read_answer(*response, piece, refused);
      return true;
    }
    refused.push_back({piece.source, response.error().message});
    const ErrorKind kind = response.error().kind;
    if (kind == ErrorKind::unavailable || kind == ErrorKind::storage ||
        kind == ErrorKind::unauthenticated) {  // the next ones fare no better
      const std::lock_guard lock(mutex_);
      failed_ = response.error();
    }
    return false;
  }

  void note_taken(const std::string& path) {  // under the lock
    if (options_.journal.empty()) return;
    auto file = system_files().open(options_.journal, true);
    const auto noted = file ? (*file)->append(journal_line(path) + "\n") : Result<void>(tl::make_unexpected(file.error()));
    if (!noted) failed_ = noted.error();
  }

  void tell() {  // under the lock
    ++done_;
    if (*progress_) (*progress_)(done_, files_.size());
  }

  NodeAccess& node_;
  const ImportOptions& options_;
  std::vector<std::string> files_;
  std::set<std::string> taken_;
  const std::function<void(std::size_t, std::size_t)>* progress_ = nullptr;
  std::mutex mutex_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  std::optional<Error> failed_;
  ImportReport report_;
};

}  // namespace

Result<ImportReport> import_records(NodeAccess& node, const ImportOptions& options,
                                    const std::function<void(std::size_t, std::size_t)>& progress) {
  Import import(node, options);
  return import.run(progress);
}

}  // namespace careledger::apps
