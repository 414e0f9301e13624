#include "apps/network/newest_again.h"

#include <filesystem>
#include <thread>

#include "contracts/all.h"
#include "replica/ledger_store.h"

namespace careledger::apps::network {
namespace {

struct CopyFolder {
  explicit CopyFolder(std::string at) : path(std::move(at)) { remove(); }
  ~CopyFolder() { remove(); }
  CopyFolder(const CopyFolder&) = delete;
  CopyFolder& operator=(const CopyFolder&) = delete;
  void remove() const {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  const std::string path;
};

std::optional<std::string> compare(const replica::Execution& again, const replica::View& view, const replica::StoredBlock& block) {
  if (again.app_hash() != view.app_hash()) return "executed again, it does not give state and log as they are here";
  if (proof::results_hash(again.results()) != proof::results_hash(replica::results_of(block)))
    return "executed again, it does not give the results that are stored of it";
  return std::nullopt;
}

Result<std::optional<std::string>> repeat(replica::Replica& replica, const replica::View& view, const proof::Header& header) {
  CARELEDGER_TRY(const auto block, view.block(view.height()));
  if (!block->misbehaviour.empty() || header.evidence_hash != proof::empty_evidence_hash())
    return fail(ErrorKind::precondition, "evidence stands in it");
  const auto before = replica.undo_last();
  if (!before && before.error().kind == ErrorKind::corrupt) return std::optional(before.error().message);
  if (!before) return tl::make_unexpected(before.error());
  if (before->app_hash().view() != header.app_hash)
    return std::optional<std::string>("with what is stored to take it back, state and log before it are not those that its header names");
  CARELEDGER_TRY(const replica::Execution again, replica.execute({block->height, block->time, block->batches}));
  return compare(again, view, *block);
}

}  // namespace

Result<std::optional<std::string>> execute_newest_again(storage::Store& store, const Bytes& founding, const replica::View& view,
                                                        const proof::Header& header, const std::string& copy) {
  const CopyFolder folder(copy);
  CARELEDGER_CHECK(store.checkpoint(folder.path));
  replica::LedgerStoreOptions options;
  options.folder = folder.path;
  options.create = false;
  CARELEDGER_TRY(std::shared_ptr<storage::Store> copied, replica::open_ledger_store(options));
  replica::Config config;
  config.founding = founding;
  config.threads = std::max(1u, std::thread::hardware_concurrency()) - 1;
  CARELEDGER_TRY(const auto replica, replica::Replica::open(config, copied, contracts::all()));
  return repeat(*replica, view, header);
}

}  // namespace careledger::apps::network
