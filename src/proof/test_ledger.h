// For tests only: a small ledger in memory, made from fixed seeds, and the bundles that it can prove. What it makes is the same each time.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "proof/canonical.h"
#include "proof/checkpoint.h"
#include "proof/test_chain.h"
#include "proof/trust.h"
#include "proof/verify.h"

namespace careledger::proof::testing {

struct Shape {
  std::size_t validators = 1;
  std::size_t absent = 0;       // of them
  std::size_t commands = 1000;  // in the log
  std::size_t rows = 1000;      // of other accounts and exceptions in the state
  std::size_t versions = 300;   // in the anchor
  std::size_t accesses = 12;    // in the subject's list, of 200 in the map
  std::uint32_t at_once = 1;    // of them, within one millisecond
  std::size_t witnesses = 0;
  bool signatures = true;       // of the organisation on the anchor
  std::uint32_t exception = 0;  // status of the version's exception row; 0 none
  bool currency = true;
  std::int64_t checkpoint_ahead = -10;  // entries that the checkpoint has more than the header's log; at most 77
  std::vector<Bytes> more_rows;         // keys that a record's proof also answers, needed or not
  std::uint64_t replaced_at = 0;        // block after which the organisation's keys were replaced; 0 never
  bool invented_head = false;           // the state has a head, of a map without the subject's accesses, that no command set
};

class TestLedger {
 public:
  explicit TestLedger(Shape shape) : shape_(shape), command_key_(key_named("command")), promise_key_(key_named("promise")) {
    organisation_ = *AccountId::from(crypto::sha256("north").view());
    ledger_ = *LedgerId::from(crypto::sha256("ledger").view());
    subject_ = crypto::sha256("subject");
    make_record();
    make_audit();
    make_head();
    if (shape_.invented_head) {
      shape_.accesses = 0;
      make_audit();
    }
    make_log();
    make_state();
    make_chain();
  }

  Bundle record_bundle() const {
    Bundle bundle = chain_part();
    RecordClaim claim;
    claim.type = "Patient";
    const std::vector<std::size_t> shown{2};
    OpenedRecord opened = open_record(leaves_, shown);
    claim.root = opened.root;
    claim.elements = std::move(opened.elements);
    claim.anchor = logged(anchor_);
    claim.leaf = leaf_;
    claim.leaf_path = anchor_path_;
    std::vector<Bytes> keys{account_key(organisation_), organisation_key(organisation_)};
    if (shape_.currency) keys.push_back(exception_key(organisation_, commitment_));
    if (shape_.replaced_at != 0) keys.push_back(past_authority_key(organisation_, 1));
    for (const Bytes& key : shape_.more_rows) keys.push_back(key);
    claim.state = state_.prove(keys);
    bundle.claim = claim;
    return bundle;
  }

  Bundle access_bundle() const { return part_bundle({}, {}); }

  // The part between two rows of the list, or from its beginning, or to its end.
  Bundle part_bundle(std::optional<std::uint32_t> after, std::optional<std::uint32_t> before) const {
    Bundle bundle = chain_part();
    AccessClaim claim;
    if (after) claim.after = place(*after);
    if (before) claim.before = place(*before);
    claim.custodian = organisation_;
    claim.subject = subject_;
    claim.head = logged(head_);
    claim.list = audit_.prove_range(claim.list_begin(), claim.list_end());
    std::vector<Bytes> keys{account_key(organisation_), organisation_key(organisation_), head_key(organisation_)};
    if (shape_.replaced_at != 0) keys.push_back(past_authority_key(organisation_, 1));
    claim.state = state_.prove(keys);
    const std::uint32_t first = after ? *after + 1 : 0;
    const auto end = static_cast<std::uint32_t>(before ? *before : shape_.accesses);
    for (std::uint32_t row = 0; row < std::min(3u, end - first); ++row) {
      const std::uint32_t of = first + row;
      AuditOpening opening{row, salt("entry", of), "entry " + std::to_string(of), std::nullopt, salt("details", of), "details"};
      if (row == 1) opening = {row, opening.entry_salt, opening.entry, audit_part(opening.details_salt, opening.details), "", ""};
      claim.openings.push_back(opening);
    }
    bundle.claim = claim;
    return bundle;
  }

  // Of a row of the subject's list.
  AuditPlace place(std::uint32_t row) const { return {1764000000000u + 1000u * (row / shape_.at_once), row % shape_.at_once}; }

  // Rows of the subject's list that a cut shows, and whether with their values; the others are under hashes.
  MapCut cut_of_rows(const std::vector<std::pair<std::uint32_t, bool>>& rows) const {
    std::vector<CutLeaf> leaves;
    for (const auto& [row, show] : rows) leaves.push_back({*audit_.path(audit_key(subject_, place(row))), show});
    return cut_of(std::move(leaves));
  }

  // A promise of an access that the list does not hold, unless kept: of its first.
  ledger::SignedPromise promise(bool kept, const std::function<void(ledger::Promise&)>& change = {}) const {
    ledger::Promise promise;
    promise.set_ledger(ledger_.bytes());
    promise.set_custodian(organisation_.bytes());
    promise.set_subject(subject_.bytes());
    promise.set_time_ms(kept ? 1764000000000 : 1764000000777);
    promise.set_number(0);
    promise.set_entry(entry(0).bytes());
    promise.set_size_at_least(100);
    promise.set_request(Bytes(32, 'q'));
    promise.set_relationship(Bytes(32, 'r'));
    if (change) change(promise);
    ledger::SignedPromise out;
    out.set_promise(canonical_bytes(promise));
    sign(promise_key_, 2, promise_signed_bytes(out.promise()), *out.add_signatures());
    return out;
  }

  Trust trust() const {
    Trust trust{ledger_, chain_id(), validators_, std::nullopt, {}, static_cast<std::uint32_t>(shape_.witnesses)};
    trust.log = NoteKey{checkpoint_origin(chain_id()), NoteKind::ed25519, key_named("log").public_key()};
    for (std::size_t i = 0; i < shape_.witnesses; ++i) {
      trust.witnesses.push_back({witness(i), NoteKind::cosignature, key_named(witness(i)).public_key()});
    }
    return trust;
  }

  // The chain below the bundles' header, of three sets of validators of which no two have one in common; those of this ledger are the last.
  TestChain chain(const std::string& salt = "") const {
    const std::size_t count = shape_.validators;
    return {chain_id(),
            {{1, names_of("founder", count)}, {20, names_of("second", count)}, {35, names_of("validator", count)}},
            49,
            1764000000,
            salt};
  }
  // What leads from the founders to them: the last block of each set, and the first of the next.
  static std::vector<LightBlock> walk_over(const TestChain& chain) {
    return {chain.block(19), chain.block(20), chain.block(34), chain.block(35)};
  }
  // Of the founders, as it was written before anything changed; with a trusting period, of block 7.
  Trust founders_trust(std::int64_t trusting_period_s = 0) const {
    Trust out = trust();
    const TestChain before = chain();
    out.validators = before.validators(1);
    if (trusting_period_s == 0) return out;
    const Header& header = before.header(7);
    out.anchor = TrustAnchor{{7}, *Digest::from(hash_of(header)), block_time(header.time), trusting_period_s};
    return out;
  }

  std::string chain_id() const { return "cl-" + ledger_.hex().substr(0, 40); }
  const OrganisationId& organisation() const { return organisation_; }

 private:
  static std::string witness(std::size_t i) { return "witness" + std::to_string(i) + ".example"; }
  static Bytes salt(const std::string& what, std::size_t i) { return crypto::sha256(what + " salt " + std::to_string(i)).bytes(); }
  static Digest entry(std::uint32_t row) {
    return audit_commitment(audit_part(salt("entry", row), "entry " + std::to_string(row)), audit_part(salt("details", row), "details"));
  }

  static void sign(const crypto::SigningKey& key, std::uint32_t number, const Bytes& bytes, ledger::CommandSignature& out) {
    out.set_key(number);
    out.set_algorithm(1);
    out.set_signature(Bytes(key.sign(bytes).view()));
  }

  void make_record() {
    const std::pair<const char*, const char*> elements[] = {{"birthDate", "\"1970-01-01\""},
                                                            {"gender", "\"female\""},
                                                            {"id", "\"p1\""},
                                                            {"identifier", "[{\"value\":\"1.10\"}]"},
                                                            {"name", "[{\"family\":\"Test\"}]"}};
    for (const auto& [name, value] : elements) {
      Bytes leaf;
      append_field(leaf, crypto::hmac_sha256("seed", name).view());
      append_field(leaf, name);
      append_field(leaf, value);
      append_field(leaf, "");
      leaves_.push_back(leaf);
    }
    commitment_ = record_commitment(kRecordProfile, "Patient", open_record(leaves_, {}).root);
    std::vector<Digest> sorted{commitment_};
    std::size_t padded = 1;
    while (padded < shape_.versions) padded *= 2;
    for (std::size_t i = 1; i < padded; ++i) sorted.push_back(crypto::sha256("version " + std::to_string(i)));
    std::sort(sorted.begin(), sorted.end());
    leaf_ = static_cast<std::uint32_t>(std::lower_bound(sorted.begin(), sorted.end(), commitment_) - sorted.begin());
    const LogTree tree = anchor_tree(sorted);
    anchor_path_ = tree.inclusion(leaf_);
    bundle::RecordsPayload payload;
    payload.mutable_anchor()->set_root(tree.root().bytes());
    payload.mutable_anchor()->set_count(static_cast<std::uint32_t>(padded));
    anchor_ = {command_of(7, kRecordsContract, canonical_bytes(payload)), {41}, 3, shape_.commands / 2, {}};
  }

  void make_head() {
    bundle::AccessPayload payload;
    payload.mutable_head()->set_map_root(audit_.root().bytes());
    payload.mutable_head()->set_log_root(crypto::sha256("audit log").bytes());
    payload.mutable_head()->set_size(audit_.rows().size());
    head_ = {command_of(8, kAccessContract, canonical_bytes(payload)), {44}, 2, shape_.commands * 3 / 4, {}};
  }

  ledger::SignedCommand command_of(std::uint64_t sequence, std::uint32_t contract, const Bytes& payload) const {
    ledger::Command command;
    command.set_ledger(ledger_.bytes());
    command.set_actor(organisation_.bytes());
    command.set_sequence(sequence);
    command.set_expires_ms(1764000600000);
    command.set_contract(contract);
    command.set_payload(payload);
    ledger::SignedCommand out;
    out.set_command(canonical_bytes(command));
    Bytes signed_bytes;
    append_field(signed_bytes, "careledger/command/1");
    sign(command_key_, 1, signed_bytes + out.command(), *out.add_signatures());
    return out;
  }

  LoggedCommand logged(LoggedCommand command) const {
    if (!shape_.signatures) command.command.clear_signatures();
    command.path = log_.inclusion(command.index);
    return command;
  }

  void make_log() {
    for (std::uint64_t i = 0; i < shape_.commands; ++i) {
      const LoggedCommand* known = i == anchor_.index ? &anchor_ : i == head_.index ? &head_ : nullptr;
      log_.append_data(known != nullptr ? command_leaf(command_digest(known->command.command()), known->height, known->position)
                                        : command_leaf(crypto::sha256("command " + std::to_string(i)), {i / 100 + 1},
                                                       static_cast<std::uint32_t>(i % 100)));
    }
    longer_ = log_;
    for (int i = 0; i < 77; ++i) longer_.append_data("later " + std::to_string(i));
  }

  void make_audit() {
    audit_ = MapModel();
    for (std::uint32_t i = 0; i < shape_.accesses; ++i) audit_.put(audit_key(subject_, place(i)), entry(i).view());
    for (std::uint32_t i = 0; i < 200; ++i) {
      audit_.put(audit_key(crypto::sha256("other " + std::to_string(i % 40)), {1764000000000u + i, 0}), salt("other", i));
    }
  }

  static ledger::Authority authority_of(const crypto::SigningKey& command, const crypto::SigningKey& promise) {
    ledger::Authority authority;
    authority.set_threshold(1);
    const crypto::SigningKey* keys[] = {&command, &promise};
    for (std::uint32_t i = 0; i < 2; ++i) {
      ledger::Key& key = *authority.add_keys();
      key.set_number(i + 1);
      key.set_algorithm(1);
      key.set_public_key(keys[i]->public_key().bytes());
      key.set_role(i == 0 ? 1 : 5);
    }
    return authority;
  }

  // The account, its keys replaced after block `replaced_at` if the shape says so.
  void make_account() {
    ledger::Account account;
    account.set_kind(2);
    account.set_status(1);
    *account.mutable_authority() = authority_of(command_key_, promise_key_);
    account.set_authority_version(1);
    if (shape_.replaced_at != 0) {
      bundle::PastAuthority past;
      *past.mutable_authority() = account.authority();
      past.set_until_height(shape_.replaced_at);
      state_.put(past_authority_key(organisation_, 1), canonical_bytes(past));
      *account.mutable_authority() = authority_of(key_named("new command"), key_named("new promise"));
      account.set_authority_version(2);
    }
    state_.put(account_key(organisation_), canonical_bytes(account));
  }

  void make_state() {
    make_account();
    ledger::Organisation organisation;
    organisation.set_name("Hospital Nörd");
    organisation.set_kind(1);
    organisation.set_status(1);
    organisation.set_admitted_ms(1763000000000);
    ledger::AccessHead head;
    head.set_map_root(audit_.root().bytes());
    head.set_log_root(crypto::sha256("audit log").bytes());
    head.set_size(audit_.rows().size());
    head.set_height(head_.height.value);
    state_.put(organisation_key(organisation_), canonical_bytes(organisation));
    state_.put(head_key(organisation_), canonical_bytes(head));
    for (std::size_t i = 0; i < shape_.rows; ++i) {
      const AccountId id = *AccountId::from(crypto::sha256("account " + std::to_string(i)).view());
      state_.put(i % 2 == 0 ? account_key(id) : exception_key(id, commitment_), "row " + std::to_string(i));
    }
    if (shape_.exception == 0) return;
    ledger::RecordException exception;
    exception.set_status(shape_.exception);
    exception.set_height(43);
    state_.put(exception_key(organisation_, commitment_), canonical_bytes(exception));
  }

  void make_chain() {
    roots_ = app_map({log_.root(), log_.size(), state_.root()});
    for (std::size_t i = 0; i < shape_.validators; ++i) {
      validators_.validators.push_back({key_named("validator " + std::to_string(i)).public_key(), 10, 0});
    }
    sort(validators_);
    Header& header = signed_header_.header;
    header.app_version = 1;
    header.chain_id = chain_id();
    header.height = 50;
    header.time = {1764000100, 250000000};
    header.last_block_id = {crypto::sha256("last").bytes(), {1, crypto::sha256("last parts").bytes()}};
    header.last_commit_hash = crypto::sha256("last commit").bytes();
    header.data_hash = data_hash({});
    header.validators_hash = header.next_validators_hash = hash_of(validators_);
    header.consensus_hash = params_hash({1 << 20, -1});
    header.app_hash = simple_map_root(roots_).bytes();
    header.last_results_hash = results_hash({});
    header.evidence_hash = empty_evidence_hash();
    header.proposer_address = validators_.validators[0].address();
    Commit& commit = signed_header_.commit;
    commit.height = 50;
    commit.block_id = {hash_of(header), {1, crypto::sha256("parts").bytes()}};
    for (std::size_t i = 0; i < shape_.validators; ++i) add_vote(i);
  }

  void add_vote(std::size_t i) {
    Commit& commit = signed_header_.commit;
    if (i < shape_.absent) {
      commit.signatures.emplace_back();
      return;
    }
    commit.signatures.push_back({VoteFlag::commit, validators_.validators[i].address(), {1764000101, static_cast<std::int32_t>(i)}, ""});
    const Bytes bytes = vote_sign_bytes(chain_id(), commit, i);
    for (std::size_t k = 0; k < shape_.validators; ++k) {
      const auto key = key_named("validator " + std::to_string(k));
      if (key.public_key() == validators_.validators[i].key) commit.signatures[i].signature = Bytes(key.sign(bytes).view());
    }
  }

  Bundle chain_part() const {
    Bundle bundle{ledger_, signed_header_, validators_, roots_, {}, std::nullopt};
    if (shape_.witnesses == 0) return bundle;
    const std::uint64_t size = log_.size() + static_cast<std::uint64_t>(shape_.checkpoint_ahead);
    Note note{to_text(Checkpoint{checkpoint_origin(chain_id()), size, root_at(longer_, size).value()}), {}};
    note.signatures.push_back(sign_note(note.text, checkpoint_origin(chain_id()), key_named("log")));
    for (std::size_t i = 0; i < shape_.witnesses; ++i)
      note.signatures.push_back(cosign(note.text, witness(i), key_named(witness(i)), 1764000200));
    bundle.checkpoint = {encode(note), prove_consistency(longer_, std::min(size, log_.size()), std::max(size, log_.size())).value()};
    return bundle;
  }

  Shape shape_;
  crypto::SigningKey command_key_, promise_key_;
  OrganisationId organisation_;
  LedgerId ledger_;
  Digest subject_, commitment_;
  std::vector<Bytes> leaves_;
  std::uint32_t leaf_ = 0;
  Path anchor_path_;
  LoggedCommand anchor_, head_;
  LogTree log_, longer_;
  MapModel audit_, state_;
  SimpleMap roots_;
  ValidatorSet validators_;
  SignedHeader signed_header_;
};

}  // namespace careledger::proof::testing
