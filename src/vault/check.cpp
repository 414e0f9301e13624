#include "vault/check.h"

#include <algorithm>
#include <set>

#include "codec/json/json.h"
#include "contracts/records/records.h"
#include "crypto/hash.h"
#include "kernel/command.h"
#include "proof/log.h"
#include "vault/outbox.h"
#include "vault/parts.h"
#include "vault/record_rules.h"

namespace careledger::vault {
namespace {

class Checker {
 public:
  Checker(Vault& vault, const CheckOptions& options)
      : parts_(vault.parts()), options_(options), seen_(parts_.seen()), reader_(parts_.store->snapshot()) {}

  CheckReport run() {
    check_disk();
    walk_versions(nullptr);
    check_index();
    check_anchors();
    return std::move(report_);
  }

 private:
  struct Life {
    std::uint64_t from;
    std::uint64_t until;  // UINT64_MAX while it holds
    std::vector<Term> terms;
    bool erased;
  };
  using Fingerprint = std::uint64_t;

  bool full() const { return report_.findings.size() >= options_.findings_max; }
  void find(const char* store, std::string where, std::string what) {
    if (!full()) report_.findings.push_back({store, std::move(where), std::move(what)});
  }

  void check_disk() {
    if (auto sound = parts_.store->verify(); !sound) find("disk", parts_.options.folder, sound.error().message);
  }

  static Fingerprint fingerprint(ByteView key, ByteView value) {
    const Digest digest = crypto::sha256({u64_bytes(key.size()), key, value});
    ByteView start = digest.view();
    return *take_u64(start);
  }

  // All versions, resource by resource. Without `missing` it checks them and gathers the index rows that there must be; with it, it names
  // the resources whose rows are among the missing.
  void walk_versions(const std::vector<Fingerprint>* missing) {
    const auto rows = reader_->iterate(kVersionsColumn, storage::Range::all());
    std::string type, id;
    std::vector<Life> lives;  // newest first, as the rows come
    for (rows->seek_first(); rows->valid() && !full(); rows->next()) {
      const auto name = decode_version_key(rows->key());
      const auto row = decode_version_row(rows->value());
      if (!name || !row) {
        if (missing == nullptr) find("records", "row " + to_hex(rows->key()), "does not parse");
        continue;
      }
      if (row->sequence > seen_.sequence) continue;
      if (name->type != type || name->id != id) {
        close_resource(type, id, lives, missing);
        type = name->type;
        id = name->id;
        lives.clear();
      }
      const std::uint64_t until = lives.empty() ? UINT64_MAX : lives.back().from;
      lives.push_back({row->sequence, until, version_terms(type, id, {name->version, *row}, missing == nullptr), row->erased});
    }
    close_resource(type, id, lives, missing);
    if (auto status = rows->status(); !status && missing == nullptr) find("records", "after " + type + "/" + id, status.error().message);
  }

  // Checks one version and gives what it must be found by.
  std::vector<Term> version_terms(const std::string& type, const std::string& id, const StoredVersion& stored, bool checking) {
    const std::string where = type + "/" + id + "/_history/" + std::to_string(stored.version);
    const auto wrong = [&](std::string what) {
      loose_.insert(type + "/" + id);  // what it should be found by, its body does not say: the record itself is named, not each row
      if (checking) find("records", where, std::move(what));
      return std::vector<Term>();
    };
    if (checking) {
      ++report_.versions;
      if (options_.progress) options_.progress(report_.versions, seen_.next_number - 1 - parts_.gaps.count_below(seen_.next_number));
    }
    if (stored.row.erased) {
      if (checking) ++report_.erased;
      return {};
    }
    const auto version = load(parts_, type, id, stored, true);
    if (!version) return wrong(version.error().message);
    const auto secret = parts_.tree->secret(stored.row.number);
    const auto expected = commitment_of(parts_, stored.row.number);
    if (!secret) return wrong(secret.error().message);
    if (!expected) return wrong("its commitment is missing: " + expected.error().message);
    const crypto::Secret seed = secret->salt_seed();
    if (stored.row.deleted) {
      if (commit_deletion(type, id, stored.version, seed) != *expected) return wrong("the deletion is not the one that was committed to");
      return {};
    }
    const auto document = codec::json::parse(version->body);
    if (!document) return wrong("the body does not parse");
    const auto commitment = commit_record(type, document->root(), seed);
    if (!commitment || *commitment != *expected) return wrong("the body is not the one that was committed to");
    auto indexed = index_resource(type, id, document->root());
    return indexed ? std::move(indexed->terms) : wrong(indexed.error().message);
  }

  // A term's row begins with the first version that has it and ends with the first after that has not.
  void close_resource(const std::string& type, const std::string& id, const std::vector<Life>& lives,
                      const std::vector<Fingerprint>* missing) {
    if (std::any_of(lives.begin(), lives.end(), [](const Life& life) { return life.erased; })) {
      loose_.insert(type + "/" + id);  // what an erased version was found by, nobody can say
    }
    if (loose_.contains(type + "/" + id)) return;
    std::vector<std::pair<Term, std::uint64_t>> open;                 // term, from
    for (auto life = lives.rbegin(); life != lives.rend(); ++life) {  // oldest first
      std::vector<std::pair<Term, std::uint64_t>> next;
      for (const auto& [term, from] : open) {
        if (std::binary_search(life->terms.begin(), life->terms.end(), term)) {
          next.emplace_back(term, from);
        } else {
          expect(type, id, term, from, u64_bytes(life->from), missing);
        }
      }
      for (const Term& term : life->terms) {
        const bool known = std::any_of(next.begin(), next.end(), [&](const auto& one) { return one.first == term; });
        if (!known) next.emplace_back(term, life->from);
      }
      open = std::move(next);
    }
    for (const auto& [term, from] : open) expect(type, id, term, from, {}, missing);
  }

  void expect(const std::string& type, const std::string& id, const Term& term, std::uint64_t from, ByteView until,
              const std::vector<Fingerprint>* missing) {
    const Fingerprint print = fingerprint(index_key(type, term.parameter, term.value, id, from), until);
    if (missing == nullptr) {
      expected_.push_back(print);
    } else if (std::binary_search(missing->begin(), missing->end(), print)) {
      find("index", type + "?" + term.parameter + " of " + type + "/" + id,
           "a row is missing or was changed: the resource is not found by it as it should");
    }
  }

  void check_index() {
    std::sort(expected_.begin(), expected_.end());
    std::vector<bool> there(expected_.size(), false);
    const auto rows = reader_->iterate(kIndexColumn, storage::Range::all());
    for (rows->seek_first(); rows->valid() && !full(); rows->next()) {
      ByteView from = rows->key().size() >= 8 ? rows->key().substr(rows->key().size() - 8) : ByteView();
      if (take_u64(from).value_or(0) > seen_.sequence) continue;  // of a transaction that goes on
      ++report_.index_rows;
      ByteView until = rows->value();
      if (ByteView ends = until; take_u64(ends).value_or(0) > seen_.sequence) until = {};
      const Fingerprint print = fingerprint(rows->key(), until);
      const auto at = std::lower_bound(expected_.begin(), expected_.end(), print);
      const bool known = at != expected_.end() && *at == print;
      if (!known && loose_.contains(resource_of(rows->key()))) continue;
      if (!known) {
        find("index", describe(rows->key()), "a row that no version stands behind, or that was changed");
      } else {
        there[static_cast<std::size_t>(at - expected_.begin())] = true;
      }
    }
    if (auto status = rows->status(); !status) find("index", "column index", status.error().message);
    std::vector<Fingerprint> missing;
    for (std::size_t i = 0; i < there.size(); ++i)
      if (!there[i]) missing.push_back(expected_[i]);
    if (!missing.empty() && !full()) walk_versions(&missing);
  }

  struct RowName {  // without the value
    std::string type, parameter, id;
  };
  static std::optional<RowName> row_name(ByteView key) {
    const std::size_t type_end = key.find('\0');
    const std::size_t parameter_end = type_end == ByteView::npos ? ByteView::npos : key.find('\0', type_end + 1);
    const auto name = parameter_end == ByteView::npos ? std::nullopt : decode_index_key(key, parameter_end + 1);
    if (!name) return std::nullopt;
    return RowName{std::string(key.substr(0, type_end)), std::string(key.substr(type_end + 1, parameter_end - type_end - 1)),
                   std::string(name->id)};
  }
  static std::string resource_of(ByteView key) {
    const auto name = row_name(key);
    return name ? name->type + "/" + name->id : std::string();
  }
  static std::string describe(ByteView key) {
    const auto name = row_name(key);
    return name ? name->type + "?" + name->parameter + " of " + name->type + "/" + name->id : "an index row that does not parse";
  }

  void check_anchors() {
    const auto rows = reader_->iterate(kAnchorsColumn, storage::Range::all());
    std::uint64_t next = 1;
    for (rows->seek_first(); rows->valid() && !full(); rows->next()) {
      ByteView key = rows->key();
      const auto first = take_u64(key);
      const auto row = decode_anchor_row(rows->value());
      const std::string where = "anchor of versions from number " + std::to_string(first.value_or(0));
      if (!first || !row) {
        find("anchors", where, "does not parse");
        continue;
      }
      next = parts_.gaps.skip(next);
      if (*first != next) find("anchors", where, "versions from number " + std::to_string(next) + " have no anchor");
      next = *first + row->commitments.size();
      if (row->state != Anchoring::final) break;
      ++report_.anchors;
      check_anchor(where, *row);
    }
    if (auto status = rows->status(); !status) find("anchors", "column anchors", status.error().message);
  }

  void check_anchor(const std::string& where, const AnchorRow& row) {
    const kernel::ReceivedCommand command = kernel::receive_bytes(row.signed_command);
    contracts::records::Payload payload;
    if (command.verdict != kernel::KernelCode::ok || !payload.ParseFromString(command.payload)) {
      return find("anchors", where, "its command does not parse");
    }
    const std::vector<Digest> leaves = anchor_leaves(row);
    if (std::adjacent_find(leaves.begin(), leaves.end()) != leaves.end() ||
        proof::anchor_tree(leaves).root().view() != payload.anchor().root()) {
      return find("anchors", where, "its commitments do not give the root that its command carries");
    }
    if (!options_.on_ledger) return;
    const auto there = options_.on_ledger(command.digest, row.height, row.position);
    if (!there) return find("anchors", where, there.error().message);
    if (!*there) find("anchors", where, "the ledger does not have its command at height " + std::to_string(row.height.value));
  }

  VaultParts& parts_;
  const CheckOptions& options_;
  const Visible seen_;
  const std::shared_ptr<const storage::Reader> reader_;
  CheckReport report_;
  std::vector<Fingerprint> expected_;
  std::set<std::string> loose_;  // resources whose index rows cannot be judged
};

}  // namespace

Result<CheckReport> check_vault(Vault& vault, const CheckOptions& options) { return Checker(vault, options).run(); }

}  // namespace careledger::vault
