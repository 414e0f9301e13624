#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "base/assert.h"
#include "storage/store.h"

namespace careledger::storage {
namespace {

// Each column is an immutable sorted map behind a shared pointer, copied when it changes while somebody reads it: small and plainly right.
using Rows = std::map<Bytes, Bytes, std::less<>>;
using Columns = std::vector<std::shared_ptr<const Rows>>;

// Given back under the store's lock, so that a writer who finds nobody reading comes after what the last reader read.
struct Lent {
  std::shared_ptr<const Rows> rows;
  std::shared_ptr<std::shared_mutex> mutex;
  void operator()(const Rows*) {
    const std::shared_lock lock(*mutex);
    rows.reset();
  }
};

class MemoryIterator : public Iterator {
 public:
  MemoryIterator(std::shared_ptr<const Rows> rows, const Range& range)
      : rows_(std::move(rows)),
        begin_(rows_->lower_bound(range.from)),
        end_(range.until.empty() ? rows_->end() : rows_->lower_bound(range.until)),
        at_(end_) {
    if (!range.until.empty() && range.until <= range.from) begin_ = end_ = at_ = rows_->end();
    first_ = range.from;
  }
  void seek_first() override { at_ = begin_; }
  void seek_last() override { at_ = begin_ == end_ ? end_ : std::prev(end_); }
  void seek(ByteView key) override {
    at_ = begin_ == end_ ? end_ : key <= first_ ? begin_ : rows_->lower_bound(key);
    if (begin_ != end_ && end_ != rows_->end() && (at_ == rows_->end() || at_->first >= end_->first)) at_ = end_;
  }
  void seek_backward(ByteView key) override {
    auto after = rows_->upper_bound(key);
    if (end_ != rows_->end() && (after == rows_->end() || after->first > end_->first)) after = end_;
    const bool none = begin_ == end_ || after == rows_->begin() || std::prev(after)->first < begin_->first;
    at_ = none ? end_ : std::prev(after);
  }
  void next() override { ++at_; }
  void prev() override { at_ = at_ == begin_ ? end_ : std::prev(at_); }
  bool valid() const override { return at_ != end_; }
  ByteView key() const override { return at_->first; }
  ByteView value() const override { return at_->second; }
  Result<void> status() const override { return {}; }

 private:
  std::shared_ptr<const Rows> rows_;
  Rows::const_iterator begin_;
  Rows::const_iterator end_;
  Rows::const_iterator at_;
  Bytes first_;
};

Result<std::optional<Bytes>> find(const Rows& rows, ByteView key) {
  const auto found = rows.find(key);
  if (found == rows.end()) return std::optional<Bytes>{};
  return std::optional<Bytes>{found->second};
}

class MemorySnapshot : public Reader {
 public:
  explicit MemorySnapshot(Columns columns) : columns_(std::move(columns)) {}
  Result<std::optional<Bytes>> get(Column column, ByteView key) const override { return find(*columns_.at(column.index), key); }
  Result<std::vector<std::optional<Bytes>>> multi_get(Column column, std::span<const ByteView> keys) const override {
    std::vector<std::optional<Bytes>> values;
    for (const ByteView key : keys) values.push_back(*find(*columns_.at(column.index), key));
    return values;
  }
  std::unique_ptr<Iterator> iterate(Column column, const Range& range) const override {
    return std::make_unique<MemoryIterator>(columns_.at(column.index), range);
  }

 private:
  Columns columns_;
};

class MemoryStore : public Store {
 public:
  explicit MemoryStore(std::size_t columns) {
    for (std::size_t i = 0; i < columns; ++i) columns_.push_back(std::make_shared<Rows>());
  }

  Result<std::optional<Bytes>> get(Column column, ByteView key) const override {
    const std::shared_lock lock(*mutex_);
    return find(*columns_.at(column.index), key);
  }
  Result<std::vector<std::optional<Bytes>>> multi_get(Column column, std::span<const ByteView> keys) const override {
    const std::shared_lock lock(*mutex_);
    std::vector<std::optional<Bytes>> values;
    for (const ByteView key : keys) values.push_back(*find(*columns_.at(column.index), key));
    return values;
  }
  std::unique_ptr<Iterator> iterate(Column column, const Range& range) const override {
    const std::shared_lock lock(*mutex_);
    return std::make_unique<MemoryIterator>(lend(columns_.at(column.index)), range);
  }
  Result<void> write(const Batch& batch, Durability) override {
    const std::unique_lock lock(*mutex_);
    batch.for_each([&](const Batch::Entry& entry) {
      std::shared_ptr<Rows>& rows = columns_.at(entry.column.index);
      if (rows.use_count() > 1) rows = std::make_shared<Rows>(*rows);
      if (entry.erased) {
        if (const auto found = rows->find(entry.key); found != rows->end()) rows->erase(found);
      } else {
        rows->insert_or_assign(Bytes(entry.key), Bytes(entry.value));
      }
    });
    return {};
  }
  std::shared_ptr<const Reader> snapshot() const override {
    const std::shared_lock lock(*mutex_);
    Columns lent;
    for (const auto& rows : columns_) lent.push_back(lend(rows));
    return std::make_shared<MemorySnapshot>(std::move(lent));
  }
  Result<void> checkpoint(const std::string&) override { return fail(ErrorKind::unsupported, "a store in memory has no files to copy"); }
  Result<void> flush() override { return {}; }
  Result<std::uint64_t> approximate_size(Column column, const Range& range) const override {
    std::uint64_t bytes = 0;
    const auto at = iterate(column, range);
    for (at->seek_first(); at->valid(); at->next()) bytes += at->key().size() + at->value().size();
    return bytes;
  }
  Result<void> compact(Column, const Range&) override { return {}; }
  Result<void> verify() const override { return {}; }

 private:
  std::shared_ptr<const Rows> lend(const std::shared_ptr<Rows>& rows) const { return {rows.get(), Lent{rows, mutex_}}; }
  const std::shared_ptr<std::shared_mutex> mutex_ = std::make_shared<std::shared_mutex>();
  std::vector<std::shared_ptr<Rows>> columns_;
};

}  // namespace

std::unique_ptr<Store> open_memory_store(const StoreOptions& options) { return std::make_unique<MemoryStore>(options.columns.size()); }

}  // namespace careledger::storage
