#include <algorithm>

#include "vault/parts.h"

namespace careledger::vault {

TermRange TermRange::prefix(ByteView prefix) {
  TermRange range;
  range.from = prefix;
  range.until = prefix;
  while (!range.until.empty() && range.until.back() == '\xff') range.until.pop_back();
  if (!range.until.empty()) range.until.back() = static_cast<char>(range.until.back() + 1);
  return range;
}

namespace {

// An id with this byte behind it sorts after the id and all its rows, and before every other id.
constexpr char kAfter = '\1';

// Ids in ascending order, by seeking. One thread.
class Ids {
 public:
  virtual ~Ids() = default;
  virtual Result<void> seek(std::string_view id) = 0;  // to the first id >= it
  virtual std::optional<std::string_view> now() const = 0;
  Result<void> next() {  // past now()
    Bytes after(*now());
    after.push_back(kAfter);
    return seek(after);
  }
};

bool holds(const IndexName& name, ByteView until, std::uint64_t sequence) {
  if (name.from > sequence) return false;
  return until.empty() || *take_u64(until) > sequence;
}

Result<IndexName> index_name(const storage::Iterator& rows, std::size_t prefix) {
  const auto name = decode_index_key(rows.key(), prefix);
  if (!name || (!rows.value().empty() && rows.value().size() != 8)) return corrupt_row("index", rows.key());
  return *name;
}

// Resources that have one very term: the rows are in order of id already.
class OneTerm final : public Ids {
 public:
  OneTerm(const VaultParts& parts, std::uint64_t sequence, std::string_view type, std::string_view parameter, ByteView term)
      : sequence_(sequence),
        prefix_(term_prefix(type, parameter, term)),
        parameter_size_(parameter_prefix(type, parameter).size()),
        rows_(parts.store->iterate(kIndexColumn, storage::Range::prefix(prefix_))) {}

  Result<void> seek(std::string_view id) override {
    id_.reset();
    for (rows_->seek(prefix_ + std::string(id)); rows_->valid(); rows_->next()) {
      CARELEDGER_TRY(const IndexName name, index_name(*rows_, parameter_size_));
      if (!holds(name, rows_->value(), sequence_)) continue;
      id_.emplace(name.id);
      return {};
    }
    return rows_->status();
  }
  std::optional<std::string_view> now() const override { return id_; }

 private:
  const std::uint64_t sequence_;
  const Bytes prefix_;
  const std::size_t parameter_size_;
  std::unique_ptr<storage::Iterator> rows_;
  std::optional<std::string> id_;
};

class Collected final : public Ids {  // from a range: sorted once
 public:
  explicit Collected(std::vector<std::string> ids) : ids_(std::move(ids)) {
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  }
  Result<void> seek(std::string_view id) override {
    at_ = static_cast<std::size_t>(std::lower_bound(ids_.begin(), ids_.end(), id) - ids_.begin());
    return {};
  }
  std::optional<std::string_view> now() const override {
    return at_ < ids_.size() ? std::optional<std::string_view>(ids_[at_]) : std::nullopt;
  }

 private:
  std::vector<std::string> ids_;
  std::size_t at_ = 0;
};

// Every resource of a type that is there at the sequence: for queries without a clause, and as the whole that `negate` takes from.
class WholeType final : public Ids {
 public:
  WholeType(const VaultParts& parts, std::uint64_t sequence, std::string_view type)
      : sequence_(sequence), prefix_(type_prefix(type)), rows_(parts.store->iterate(kVersionsColumn, storage::Range::prefix(prefix_))) {}

  Result<void> seek(std::string_view id) override {
    id_.reset();
    rows_->seek(prefix_ + std::string(id));
    while (rows_->valid()) {
      const auto name = decode_version_key(rows_->key());
      const auto row = decode_version_row(rows_->value());
      if (!name || !row) return corrupt_row("versions", rows_->key());
      if (row->sequence > sequence_) {
        rows_->next();
        continue;
      }
      if (!row->deleted && !row->erased) {
        id_.emplace(name->id);
        return {};
      }
      rows_->seek(prefix_ + std::string(name->id) + '\1');  // the next resource
    }
    return rows_->status();
  }
  std::optional<std::string_view> now() const override { return id_; }

 private:
  const std::uint64_t sequence_;
  const Bytes prefix_;
  std::unique_ptr<storage::Iterator> rows_;
  std::optional<std::string> id_;
};

class AnyOf final : public Ids {
 public:
  explicit AnyOf(std::vector<std::unique_ptr<Ids>> all) : all_(std::move(all)) {}
  Result<void> seek(std::string_view id) override {
    for (const auto& one : all_)
      if (!started_ || (one->now() && *one->now() < id)) CARELEDGER_CHECK(one->seek(id));
    started_ = true;
    return {};
  }
  std::optional<std::string_view> now() const override {
    std::optional<std::string_view> least;
    for (const auto& one : all_)
      if (const auto id = one->now(); id && (!least || *id < *least)) least = id;
    return least;
  }

 private:
  std::vector<std::unique_ptr<Ids>> all_;
  bool started_ = false;
};

class Except final : public Ids {
 public:
  Except(std::unique_ptr<Ids> whole, std::unique_ptr<Ids> without) : whole_(std::move(whole)), without_(std::move(without)) {}
  Result<void> seek(std::string_view id) override {
    CARELEDGER_CHECK(whole_->seek(id));
    while (whole_->now()) {
      CARELEDGER_CHECK(without_->seek(*whole_->now()));
      if (without_->now() != whole_->now()) return {};
      CARELEDGER_CHECK(whole_->next());
    }
    return {};
  }
  std::optional<std::string_view> now() const override { return whole_->now(); }

 private:
  std::unique_ptr<Ids> whole_;
  std::unique_ptr<Ids> without_;
};

class AllOf final : public Ids {  // leapfrog: each one seeks to where the furthest stands
 public:
  explicit AllOf(std::vector<std::unique_ptr<Ids>> all) : all_(std::move(all)) {}
  Result<void> seek(std::string_view from) override {
    id_.reset();
    std::string id(from);
    for (std::size_t agreed = 0, i = 0; agreed < all_.size(); i = (i + 1) % all_.size()) {
      CARELEDGER_CHECK(all_[i]->seek(id));
      const auto at = all_[i]->now();
      if (!at) return {};
      agreed = *at == id ? agreed + 1 : 1;
      id = *at;
    }
    id_ = std::move(id);
    return {};
  }
  std::optional<std::string_view> now() const override { return id_; }

 private:
  std::vector<std::unique_ptr<Ids>> all_;
  std::optional<std::string> id_;
};

Result<std::unique_ptr<Ids>> collect(const VaultParts& parts, std::uint64_t sequence, std::string_view type, std::string_view parameter,
                                     const TermRange& range, std::size_t& left) {
  const Bytes prefix = parameter_prefix(type, parameter);
  storage::Range keys = storage::Range::prefix(prefix);
  keys.from = prefix + escape_term(range.from);
  if (!range.until.empty()) keys.until = prefix + escape_term(range.until);
  const auto rows = parts.store->iterate(kIndexColumn, keys);
  std::vector<std::string> ids;
  for (rows->seek_first(); rows->valid(); rows->next()) {
    CARELEDGER_TRY(const IndexName name, index_name(*rows, prefix.size()));
    if (!holds(name, rows->value(), sequence)) continue;
    if (range.keep && !range.keep(unescape_term(name.escaped_term))) continue;
    if (left == 0) return fail(ErrorKind::too_large, "the search matches too much: narrow it");
    --left;
    ids.emplace_back(name.id);
  }
  CARELEDGER_CHECK(rows->status());
  return std::make_unique<Collected>(std::move(ids));
}

Result<std::unique_ptr<Ids>> clause_ids(const VaultParts& parts, std::uint64_t sequence, const std::string& type, const Clause& clause,
                                        std::size_t& left) {
  std::vector<std::unique_ptr<Ids>> any;
  for (const Clause::Alternative& alternative : clause.any_of) {
    const std::string& parameter = alternative.parameter.empty() ? clause.parameter : alternative.parameter;
    if (alternative.range.exact) {
      any.push_back(std::make_unique<OneTerm>(parts, sequence, type, parameter, alternative.range.from));
    } else {
      CARELEDGER_TRY(auto ids, collect(parts, sequence, type, parameter, alternative.range, left));
      any.push_back(std::move(ids));
    }
  }
  std::unique_ptr<Ids> found = any.size() == 1 ? std::move(any.front()) : std::make_unique<AnyOf>(std::move(any));
  if (!clause.negate) return found;
  return std::make_unique<Except>(std::make_unique<WholeType>(parts, sequence, type), std::move(found));
}

Result<std::unique_ptr<Ids>> query_ids(const VaultParts& parts, std::uint64_t sequence, const Query& query) {
  std::vector<std::unique_ptr<Ids>> all;
  std::size_t left = kMatchesMax;  // ids that ranges may still collect, so that memory has a bound
  if (!query.ids.empty()) all.push_back(std::make_unique<Collected>(query.ids));
  for (const Clause& clause : query.all_of) {
    CARELEDGER_TRY(auto ids, clause_ids(parts, sequence, query.type, clause, left));
    all.push_back(std::move(ids));
  }
  const bool has_clause = !query.all_of.empty();  // index rows are of resources that are there; ids given by the client need not be
  if (!has_clause) all.push_back(std::make_unique<WholeType>(parts, sequence, query.type));
  if (all.size() == 1) return std::move(all.front());
  return std::make_unique<AllOf>(std::move(all));
}

}  // namespace

Result<IdPage> search_index(const VaultParts& parts, std::uint64_t sequence, const Query& query, std::string_view after,
                            std::uint32_t limit) {
  CARELEDGER_TRY(const auto ids, query_ids(parts, sequence, query));
  std::string from(after);
  if (!from.empty()) from.push_back(kAfter);
  CARELEDGER_CHECK(ids->seek(from));
  IdPage page;
  while (ids->now()) {
    if (page.ids.size() == limit) {
      page.more = true;
      break;
    }
    page.ids.emplace_back(*ids->now());
    CARELEDGER_CHECK(ids->next());
  }
  return page;
}

Result<std::uint64_t> count_index(const VaultParts& parts, std::uint64_t sequence, const Query& query, std::uint64_t limit) {
  CARELEDGER_TRY(const auto ids, query_ids(parts, sequence, query));
  CARELEDGER_CHECK(ids->seek({}));
  std::uint64_t count = 0;
  for (; ids->now() && count < limit; ++count) CARELEDGER_CHECK(ids->next());
  return count;
}

}  // namespace careledger::vault
