#include "apps/network/old_chain.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <thread>

#include "apps/network/sized_parts.h"
#include "contracts/all.h"
#include "ordering/local/old_blocks.h"
#include "replica/replica.h"

namespace careledger::apps::network {
namespace {

constexpr std::string_view kOldChainMagic = "careledger-old-chain/1\n";
constexpr std::size_t kOldBlockBytesMax = 128u << 20;

using TakeBlock = std::function<Result<void>(const proof::Block&, const proof::Commit&)>;

tl::unexpected<Error> bad_chain(const std::string& path, const std::string& what) {
  return fail(ErrorKind::corrupt,
              path + ": " + what +
                  "; take another backup, or, to go on without the old blocks for ever, which nobody else has, move the "
                  "file away and put an empty one there that is called old-chain.none");
}

// Hears each block with its commit, which stands in the block after it.
Result<void> each_block(Files& files, const std::string& path, const ordering::Grown& grown, const TakeBlock& take) {
  CARELEDGER_TRY(auto parts, SizedParts::open(files, path, kOldChainMagic, "chain of an embedded ledger", "a backup holds one"));
  std::optional<proof::Block> before;
  for (;;) {
    CARELEDGER_TRY(const auto part, parts.next(kOldBlockBytesMax));
    if (!part) break;
    CARELEDGER_TRY(proof::Block block, proof::decode_block(*part));
    if (before) CARELEDGER_CHECK(take(*before, block.last_commit.value_or(proof::Commit{})));
    before = std::move(block);
  }
  if (!before) return {};
  return take(*before, grown.headers.back().commit);
}

}  // namespace

bool has_old_chain(const replica::View& view, const ordering::Grown& grown) {
  return view.first_height().value == 1 && view.height() >= grown.seal_height();
}

bool is_former_owner(const Config& config, const ordering::Grown& grown) {
  return std::ranges::any_of(config.organisations, [&grown](const OrganisationConfig& one) { return one.id == grown.owner.organisation; });
}

Result<bool> backup_has_old_chain(Files& files, const std::string& backup, const Config& config, const ordering::Grown& grown) {
  const std::string path = backup + kOldChain;
  if (files.exists(path)) return true;
  if (!is_former_owner(config, grown) || files.exists(backup + kNoOldChain)) return false;
  return bad_chain(path, "it is gone, and this is the backup of the node whose ledger grew into the network");
}

Result<void> write_old_chain(Files& files, const std::string& path, const replica::View& view, const ordering::Grown& grown) {
  CARELEDGER_TRY(const auto file, files.open(path, true));
  CARELEDGER_CHECK(file->truncate(0));
  CARELEDGER_CHECK(file->append(kOldChainMagic));
  for (Height height{1}; height <= grown.seal_height(); height = next(height)) {
    CARELEDGER_TRY(const proof::Block block, ordering::local::stored_block(view, height));
    CARELEDGER_CHECK(append_part(*file, proof::encode(block)));
  }
  return file->sync();
}

Result<void> check_old_chain(Files& files, const std::string& path, const ordering::Grown& grown) {
  proof::BlockId last;
  std::int64_t height = 0;
  const auto checked = each_block(files, path, grown, [&](const proof::Block& block, const proof::Commit& commit) -> Result<void> {
    const std::string which = "block " + std::to_string(++height);
    if (block.header.height != height || block.header.last_block_id != last)
      return fail(ErrorKind::corrupt, which + " does not follow the one before it");
    last = commit.block_id;
    if (proof::block_id_of(block) != last) return fail(ErrorKind::corrupt, which + " is not the one that was signed");
    if (const auto held = proof::verify_commit({block.header, commit}, grown.validators); !held)
      return fail(ErrorKind::corrupt, which + ": " + held.error().message);
    return {};
  });
  if (!checked && checked.error().kind == ErrorKind::storage) return checked;
  if (!checked) return bad_chain(path, checked.error().message);
  if (height != grown.seal().height) return bad_chain(path, "it has " + std::to_string(height) + " blocks, and the seal is another");
  return {};
}

Result<void> repeat_old_chain(Files& files, const std::string& path, const ordering::Grown& grown,
                              const std::shared_ptr<storage::Store>& store) {
  CARELEDGER_CHECK(check_old_chain(files, path, grown));
  replica::Config config;
  config.founding = grown.founding;
  config.threads = std::max(1u, std::thread::hardware_concurrency()) - 1;
  CARELEDGER_TRY(const auto replica, replica::Replica::open(config, store, contracts::all()));
  CARELEDGER_CHECK(each_block(files, path, grown, [&](const proof::Block& block, const proof::Commit& commit) {
    return ordering::local::repeat_block(*replica, block, commit, grown.validators);
  }));
  if (replica->view().app_hash().view() == grown.seal().app_hash) return {};
  return bad_chain(path, "its blocks do not give the state of the seal");
}

}  // namespace careledger::apps::network
