#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/system_clock.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/assert.h"
#include "base/files.h"
#include "storage/disk_layer.h"
#include "storage/journal_check.h"
#include "storage/manifest_watch.h"
#include "storage/rocks_log.h"
#include "storage/roomy_disk.h"
#include "storage/store.h"

namespace careledger::storage {
namespace {

constexpr const char* kFormatKey = "careledger/format";  // in the default column: field(format) ‖ u32 version

rocksdb::Slice slice(ByteView bytes) { return {bytes.data(), bytes.size()}; }
ByteView view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

using Handles = std::vector<rocksdb::ColumnFamilyHandle*>;

class RocksIterator : public Iterator {
 public:
  RocksIterator(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column, const Range& range, const rocksdb::Snapshot* snapshot,
                const std::string& folder)
      : from_(range.from), until_(range.until), folder_(folder) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    lower_ = slice(from_);
    upper_ = slice(until_);
    if (!from_.empty()) options.iterate_lower_bound = &lower_;
    if (!until_.empty()) options.iterate_upper_bound = &upper_;
    at_.reset(db.NewIterator(options, column));
  }
  void seek_first() override { at_->SeekToFirst(); }
  void seek_last() override { at_->SeekToLast(); }
  void seek(ByteView key) override { at_->Seek(slice(key)); }
  void seek_backward(ByteView key) override { at_->SeekForPrev(slice(key)); }
  void next() override { at_->Next(); }
  void prev() override { at_->Prev(); }
  bool valid() const override { return at_->Valid(); }
  ByteView key() const override { return view(at_->key()); }
  ByteView value() const override { return view(at_->value()); }
  Result<void> status() const override {
    const rocksdb::Status status = at_->status();
    if (!status.ok()) return tl::make_unexpected(error_of(status, folder_));
    return {};
  }

 private:
  Bytes from_;
  Bytes until_;
  std::string folder_;
  rocksdb::Slice lower_;
  rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> at_;
};

// Reads shared by the store and its snapshots (null: the newest rows).
class RocksReads {
 public:
  RocksReads(rocksdb::DB& db, const Handles& handles, const rocksdb::Snapshot* snapshot, const std::string& folder)
      : db_(db), handles_(handles), folder_(folder) {
    options_.snapshot = snapshot;
  }
  Result<std::optional<Bytes>> get(Column column, ByteView key) const {
    Bytes value;
    const rocksdb::Status status = db_.Get(options_, handles_.at(column.index), slice(key), &value);
    if (status.IsNotFound()) return std::optional<Bytes>{};
    if (!status.ok()) return tl::make_unexpected(error_of(status, folder_));
    return std::optional<Bytes>(std::move(value));
  }
  Result<std::vector<std::optional<Bytes>>> multi_get(Column column, std::span<const ByteView> keys) const {
    std::vector<rocksdb::Slice> slices;
    slices.reserve(keys.size());
    for (const ByteView key : keys) slices.push_back(slice(key));
    std::vector<rocksdb::PinnableSlice> found(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    db_.MultiGet(options_, handles_.at(column.index), keys.size(), slices.data(), found.data(), statuses.data(),
                 std::is_sorted(keys.begin(), keys.end()));
    std::vector<std::optional<Bytes>> values(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (statuses[i].ok()) values[i] = Bytes(view(found[i]));
      else if (!statuses[i].IsNotFound()) return tl::make_unexpected(error_of(statuses[i], folder_));
    }
    return values;
  }
  std::unique_ptr<Iterator> iterate(Column column, const Range& range) const {
    return std::make_unique<RocksIterator>(db_, handles_.at(column.index), range, options_.snapshot, folder_);
  }

 private:
  rocksdb::DB& db_;
  const Handles& handles_;
  const std::string& folder_;
  rocksdb::ReadOptions options_;
};

class RocksSnapshot : public Reader {
 public:
  RocksSnapshot(rocksdb::DB& db, const Handles& handles, const std::string& folder)
      : db_(db), snapshot_(db.GetSnapshot()), reads_(db, handles, snapshot_, folder) {}
  ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }
  Result<std::optional<Bytes>> get(Column column, ByteView key) const override { return reads_.get(column, key); }
  Result<std::vector<std::optional<Bytes>>> multi_get(Column column, std::span<const ByteView> keys) const override {
    return reads_.multi_get(column, keys);
  }
  std::unique_ptr<Iterator> iterate(Column column, const Range& range) const override { return reads_.iterate(column, range); }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* snapshot_;
  RocksReads reads_;
};

class RocksStore : public Store {
 public:
  RocksStore(std::shared_ptr<DiskLayer> disk, std::unique_ptr<rocksdb::Env> env, std::unique_ptr<rocksdb::DB> db, Handles all,
             const StoreOptions& options)
      : disk_(std::move(disk)),
        env_(std::move(env)),
        folder_(options.folder),
        room_(options.room),
        db_(std::move(db)),
        default_(all.front()),
        handles_(all.begin() + 1, all.end()),
        reads_(*db_, handles_, nullptr, folder_) {
    if (options.read_only) failed_ = Error{ErrorKind::unsupported, folder_ + " was opened for reading alone"};
  }
  ~RocksStore() override {
    rocksdb::CancelAllBackgroundWork(db_.get(), true);
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    db_->DestroyColumnFamilyHandle(default_);
    db_->Close().PermitUncheckedError();
  }

  Result<std::optional<Bytes>> get(Column column, ByteView key) const override { return reads_.get(column, key); }
  Result<std::vector<std::optional<Bytes>>> multi_get(Column column, std::span<const ByteView> keys) const override {
    return reads_.multi_get(column, keys);
  }
  std::unique_ptr<Iterator> iterate(Column column, const Range& range) const override { return reads_.iterate(column, range); }

  Result<void> write(const Batch& batch, Durability durability) override {
    rocksdb::WriteBatch changes(batch.bytes() + 64);
    batch.for_each([&](const Batch::Entry& entry) {
      rocksdb::ColumnFamilyHandle* column = handles_.at(entry.column.index);
      const rocksdb::Status added =
          entry.erased ? changes.Delete(column, slice(entry.key)) : changes.Put(column, slice(entry.key), slice(entry.value));
      CARELEDGER_ASSERT(added.ok());
    });
    CARELEDGER_CHECK(usable());
    follow_room();
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::synced;
    return latch(db_->Write(options, &changes));
  }

  std::shared_ptr<const Reader> snapshot() const override { return std::make_shared<RocksSnapshot>(*db_, handles_, folder_); }

  Result<void> checkpoint(const std::string& folder) override {
    rocksdb::Checkpoint* raw = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &raw);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
    if (status.ok()) status = checkpoint->CreateCheckpoint(folder);
    return plain(status);
  }
  Result<void> flush() override {
    CARELEDGER_CHECK(usable());
    return latch(db_->Flush(rocksdb::FlushOptions(), handles_));
  }
  Result<std::uint64_t> approximate_size(Column column, const Range& range) const override {
    const Bytes last(64, '\xFF');
    const rocksdb::Range whole(slice(range.from), range.until.empty() ? slice(last) : slice(range.until));
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = true;
    std::uint64_t bytes = 0;
    const rocksdb::Status status = db_->GetApproximateSizes(options, handles_.at(column.index), &whole, 1, &bytes);
    if (!status.ok()) return tl::make_unexpected(error_of(status, folder_));
    return bytes;
  }
  Result<void> compact(Column column, const Range& range) override {
    const rocksdb::Slice from = slice(range.from);
    const rocksdb::Slice until = slice(range.until);
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    return plain(db_->CompactRange(options, handles_.at(column.index), range.from.empty() ? nullptr : &from,
                                   range.until.empty() ? nullptr : &until));
  }
  Result<void> verify() const override { return plain(db_->VerifyChecksum()); }

 private:
  // Rearranging files takes as much room as it later frees. It waits while there is none, and goes on afterwards.
  void follow_room() {
    if (!room_ || room_->accepting() == rearranging_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    const bool wanted = room_->accepting();
    if (rearranging_.exchange(wanted) == wanted) return;
    for (rocksdb::ColumnFamilyHandle* handle : handles_)
      db_->SetOptions(handle, {{"disable_auto_compactions", wanted ? "false" : "true"}}).PermitUncheckedError();
    if (wanted) db_->Resume().PermitUncheckedError();  // when it ran out of room before it could be stopped
  }
  Result<void> plain(const rocksdb::Status& status) const {
    if (!status.ok()) return tl::make_unexpected(error_of(status, folder_));
    return {};
  }
  Result<void> usable() const {
    const std::lock_guard lock(mutex_);
    if (failed_) return tl::make_unexpected(*failed_);
    return {};
  }
  // The first failed write stays the answer to every later one.
  Result<void> latch(const rocksdb::Status& status) {
    if (status.ok()) return {};
    const std::lock_guard lock(mutex_);
    if (!failed_) failed_ = error_of(status, folder_);
    return tl::make_unexpected(*failed_);
  }

  std::shared_ptr<DiskLayer> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::string folder_;
  std::shared_ptr<Room> room_;
  std::atomic<bool> rearranging_{true};
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* default_;
  Handles handles_;
  RocksReads reads_;
  mutable std::mutex mutex_;
  std::optional<Error> failed_;
};

rocksdb::ColumnFamilyOptions column_options(const StoreOptions& options, const ColumnOptions& column,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.metadata_cache_options.unpartitioned_pinning = rocksdb::PinningTier::kAll;  // counted there, but not looked up at each read
  table.block_size = 8u << 10;
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions out;
  if (column.point_lookups) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.block_size = 4u << 10;
    table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    out.memtable_whole_key_filtering = true;
    out.memtable_prefix_bloom_size_ratio = 0.02;
    // Its keys come in no order, so each merge writes the level below anew: half as often, while filters keep its files out of most reads.
    out.level0_file_num_compaction_trigger = 8;
  }
  if (column.seldom_read) out.level0_file_num_compaction_trigger = 16;
  // Rows of a batch come in ascending order: each is looked for from the place of the one before it under the same first byte.
  out.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  out.write_buffer_size = options.write_buffer_bytes;
  // Each column takes memory by the block, and all of them share one budget: of 1 MiB blocks, which are the default, seven columns make a
  // budget of 8 MiB full before it holds any rows to speak of, and a file is written every moment.
  out.arena_block_size = options.write_buffer_bytes / 128;
  out.max_write_buffer_number = 3;
  out.level_compaction_dynamic_level_bytes = true;
  // The same on every level where keys grow for the most part: such files then move down as they are, instead of being written again.
  const rocksdb::CompressionType above = column.point_lookups ? rocksdb::kLZ4Compression : rocksdb::kZSTD;
  out.compression = column.compress ? above : rocksdb::kNoCompression;
  out.bottommost_compression = column.compress ? rocksdb::kZSTD : rocksdb::kNoCompression;
  out.paranoid_file_checks = false;
  return out;
}

rocksdb::DBOptions database_options(const StoreOptions& options, rocksdb::Env* env) {
  rocksdb::DBOptions out;
  out.env = env;
  out.create_if_missing = options.create && !options.read_only;
  out.create_missing_column_families = !options.read_only;
  out.paranoid_checks = true;
  out.max_background_jobs = 2;
  out.db_write_buffer_size = options.write_buffer_bytes;
  out.max_total_wal_size = 4 * options.write_buffer_bytes;
  out.recycle_log_file_num = 0;
  out.allow_mmap_reads = false;
  out.allow_mmap_writes = false;
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  out.track_and_verify_wals_in_manifest = true;  // a manifest that lost its end would otherwise lose data without a word
  out.max_bgerror_resume_count = 0;              // a failed sync is never retried
  out.bytes_per_sync = 1u << 20;
  out.max_open_files = 512;
  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  return out;
}

class NoSleep : public rocksdb::SystemClockWrapper {
 public:
  NoSleep() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "no-sleep"; }
  void SleepForMicroseconds(int) override {}
};

class ImpatientEnv : public rocksdb::EnvWrapper {
 public:
  explicit ImpatientEnv(std::unique_ptr<rocksdb::Env> target) : EnvWrapper(std::move(target)) {
    system_clock_ = std::make_shared<NoSleep>();
  }
  const char* Name() const override { return "impatient"; }
};

std::unique_ptr<rocksdb::Env> env_on(const DiskLayer& disk) {
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk.file_system());
  if (disk.is_patient()) return env;
  return std::make_unique<ImpatientEnv>(std::move(env));
}

Result<void> check_format(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* column, const StoreOptions& options) {
  Bytes stored;
  const rocksdb::Status status = db.Get(rocksdb::ReadOptions(), column, kFormatKey, &stored);
  if (status.IsNotFound()) {
    if (options.read_only) return fail(ErrorKind::not_found, options.folder + ": there is no store");
    Bytes value;
    append_field(value, options.format);
    append_u32(value, options.format_version);
    rocksdb::WriteOptions synced;
    synced.sync = true;
    const rocksdb::Status put = db.Put(synced, column, kFormatKey, value);
    if (!put.ok()) return tl::make_unexpected(error_of(put, options.folder));
    return {};
  }
  if (!status.ok()) return tl::make_unexpected(error_of(status, options.folder));
  ByteView rest = stored;
  const auto format = take_field(rest);
  const auto version = take_u32(rest);
  if (!format || !version || *format != options.format)
    return fail(ErrorKind::corrupt, options.folder + " does not hold what was expected (" + options.format + ")");
  if (*version > options.format_version)
    return fail(ErrorKind::newer_format, options.folder + " was written by a newer program (format " + std::to_string(*version) +
                                             "; this one knows " + std::to_string(options.format_version) + "): install that program");
  if (*version < options.format_version)
    return fail(ErrorKind::unsupported,
                options.folder + " has the older format " + std::to_string(*version) + ": run `careledger upgrade` on a copy of it first");
  return {};
}

std::vector<rocksdb::ColumnFamilyDescriptor> descriptors_of(const StoreOptions& options) {
  const auto cache = rocksdb::NewLRUCache(options.cache_bytes, 2);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, column_options(options, {"default"}, cache));
  for (const ColumnOptions& column : options.columns) descriptors.emplace_back(column.name, column_options(options, column, cache));
  return descriptors;
}

}  // namespace

Error error_of(const rocksdb::Status& status, const std::string& folder) {
  const std::string text = status.ToString();
  if (text.find(kWrongKeyMark) != std::string::npos)
    return {ErrorKind::wrong_key, folder + ": " + kWrongKeyMark + "; give the key file or passphrase that belongs to it"};
  if (status.IsNoSpace()) return {ErrorKind::storage, folder + ": the disk is full; free some space and start again (" + text + ")"};
  if (text.find("lock hold by current process") != std::string::npos || text.find("/LOCK") != std::string::npos)
    return {ErrorKind::unavailable, folder + ": another process runs on this directory"};
  if (status.IsCorruption()) return {ErrorKind::corrupt, folder + ": stored data are damaged: " + text};
  if (status.IsInvalidArgument() && text.find("does not exist (create_if_missing is false)") != std::string::npos)
    return {ErrorKind::not_found, folder + ": there is no store"};
  if (status.IsInvalidArgument()) return {ErrorKind::corrupt, folder + ": stored data do not fit the program: " + text};
  return {ErrorKind::storage, folder + ": " + text};
}

namespace {

// What must be known of the folder's files before RocksDB reads them, and cleared away before it writes.
Result<void> prepare(DiskLayer& disk, const StoreOptions& options) {
  if (options.read_only && disk.file_system()->FileExists(options.folder + "/CURRENT", rocksdb::IOOptions(), nullptr).IsNotFound())
    return fail(ErrorKind::not_found, options.folder + ": there is no store");
  const TornEnd torn = options.read_only ? TornEnd::left : TornEnd::cut;
  if (!options.read_only) CARELEDGER_CHECK(disk.prepare(options.folder));
  CARELEDGER_CHECK(check_manifest(disk, options.folder, torn));
  return check_journals(disk, options.folder, torn);
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocks_store(const StoreOptions& options) {
  if (options.create && !options.read_only) CARELEDGER_CHECK(system_files().make_folder(options.folder));
  std::shared_ptr<DiskLayer> disk = options.disk ? options.disk : std::make_shared<DiskLayer>(rocksdb::FileSystem::Default());
  if (options.room) disk = roomy_disk(std::move(disk), options.room);
  disk = watch_manifests(std::move(disk));
  CARELEDGER_CHECK(prepare(*disk, options));
  std::unique_ptr<rocksdb::Env> env = env_on(*disk);
  rocksdb::DBOptions database = database_options(options, env.get());
  if (!options.read_only) database.info_log = open_rocks_log(disk->file_system(), options.folder);
  Handles handles;
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status = options.read_only
                                     ? rocksdb::DB::OpenForReadOnly(database, options.folder, descriptors_of(options), &handles, &raw)
                                     : rocksdb::DB::Open(database, options.folder, descriptors_of(options), &handles, &raw);
  if (!status.ok()) return tl::make_unexpected(error_of(status, options.folder));
  std::unique_ptr<rocksdb::DB> db(raw);
  rocksdb::ColumnFamilyHandle* first = handles.front();
  auto store = std::make_unique<RocksStore>(std::move(disk), std::move(env), std::move(db), std::move(handles), options);
  CARELEDGER_CHECK(check_format(*raw, first, options));
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace careledger::storage
