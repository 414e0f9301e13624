#include "proof/verify.h"

#include <algorithm>
#include <span>

#include "proof/canonical.h"
#include "proof/verify_parts.h"
#include "proof/walk.h"

namespace careledger::proof {
namespace {

constexpr std::int64_t kClockDriftMs = 10'000;  // as CometBFT's light client allows

LightBlock block_of(const Bundle& bundle) { return {bundle.signed_header, bundle.validators}; }

// The trusting period, by the verifier's clock. A trust file without one is believed for good, and no clock is read.
Result<void> check_time(const Bundle& bundle, const Trust& trust, std::optional<BlockTime> now) {
  if (!trust.anchor) return {};
  if (!now) return broken("time", "the trust file has a trusting period, and there is no clock");
  if (*now >= trust.anchor->ends()) {
    const std::string since = to_rfc3339(time_from(trust.anchor->time)), until = to_rfc3339(time_from(trust.anchor->ends()));
    return fail(ErrorKind::invalid, "time: expired trust: the trust file is of " + since + " and was to be believed until " + until +
                                        "; get a newer one from somebody you trust");
  }
  const auto is_late = [&](const SignedHeader& block) { return block_time(block.header.time).value >= now->value + kClockDriftMs; };
  const bool late = is_late(bundle.signed_header) || std::any_of(bundle.walk.begin(), bundle.walk.end(),
                                                                 [&](const LightBlock& block) { return is_late(block.signed_header); });
  return late ? Result<void>(broken("time", "a block is from the future; look at this machine's clock")) : Result<void>();
}

// The block that the trust file names is the one that is shown at its height.
Result<void> check_anchor(const Bundle& bundle, const Trust& trust) {
  if (!trust.anchor) return {};
  const auto is_other = [&](const Header& header) {
    return static_cast<std::uint64_t>(header.height) == trust.anchor->height.value && hash_of(header) != trust.anchor->hash.view();
  };
  bool forked = is_other(bundle.signed_header.header);
  for (const LightBlock& block : bundle.walk) forked = forked || is_other(block.signed_header.header);
  return forked ? Result<void>(broken("validators", "another block than the trust file names at its height: the chain is forked"))
                : Result<void>();
}

// How many blocks of the walk stand below the trust file's: no way begins at them. Validators who took office again since may have signed
// them, and between them and now others, whose keys this file says nothing of.
std::size_t below_anchor(const Bundle& bundle, const Trust& trust) {
  if (!trust.anchor) return 0;
  const auto is_below = [&](const LightBlock& block) {
    return static_cast<std::uint64_t>(block.signed_header.header.height) < trust.anchor->height.value;
  };
  return static_cast<std::size_t>(std::count_if(bundle.walk.begin(), bundle.walk.end(), is_below));
}

// Over two thirds of the power that the trust file names signed this header, or one from which the walk leads here. Nothing less may do
// where no clock bounds how old that trust is: see trust-file.md.
Result<void> check_trusted(const Bundle& bundle, const Trust& trust, Report& report) {
  CARELEDGER_CHECK(check_anchor(bundle, trust));
  const auto walk = std::span(bundle.walk).subspan(below_anchor(bundle, trust));
  const auto at = vouched(trust.validators, walk, block_of(bundle));
  if (!at) return broken("validators", "no more than two thirds of the trusted validators' power signed");
  report.anchor = trust.anchor;
  if (*at == walk.size()) return {};
  const Header& from = walk[*at].signed_header.header;
  report.followed = Followed{{static_cast<std::uint64_t>(from.height)}, from.time, walk.size() - *at};
  return {};
}

Result<Committed> open_roots(const Bundle& bundle) {
  const Header& header = bundle.signed_header.header;
  if (simple_map_root(bundle.roots).view() != header.app_hash) return broken("app", "the header commits to other roots");
  const auto log = bundle.roots.find("log");
  const auto state = bundle.roots.find("state");
  if (log == bundle.roots.end() || log->second.size() != 40 || state == bundle.roots.end() || state->second.size() != 32) {
    return broken("app", "the roots of log and state are missing");
  }
  ByteView rest = log->second;
  Committed committed;
  committed.log_root = *Digest::from(*take_bytes(rest, 32));
  committed.log_size = *take_u64(rest);
  committed.state_root = *Digest::from(state->second);
  committed.height = static_cast<std::uint64_t>(header.height);
  return committed;
}

void describe_chain(const Bundle& bundle, Report& report) {
  const Header& header = bundle.signed_header.header;
  report.ledger = bundle.ledger;
  report.chain_id = header.chain_id;
  report.as_of = {static_cast<std::uint64_t>(header.height - 1)};
  report.time = header.time;
  report.validators = bundle.validators.validators.size();
  for (const CommitSig& sig : bundle.signed_header.commit.signatures) report.signers += sig.flag == VoteFlag::commit ? 1 : 0;
}

}  // namespace

Result<Report> verify(ByteView bytes, const Trust& trust, std::optional<BlockTime> now) {
  CARELEDGER_TRY(const Bundle bundle, at("format", decode_bundle(bytes)));
  const Header& header = bundle.signed_header.header;
  if (bundle.ledger != trust.ledger) return broken("ledger", "of another ledger");
  if (header.chain_id != trust.chain_id) return broken("ledger", "of another chain");
  CARELEDGER_CHECK(check_time(bundle, trust, now));
  CARELEDGER_CHECK(at("header", verify_commit(bundle.signed_header, bundle.validators)));
  CARELEDGER_CHECK(at("walk", check_walk(bundle.walk, block_of(bundle))));
  Report report;
  CARELEDGER_CHECK(check_trusted(bundle, trust, report));
  CARELEDGER_TRY(const Committed committed, open_roots(bundle));
  describe_chain(bundle, report);
  report.log_size = committed.log_size;
  if (const auto* record = std::get_if<RecordClaim>(&bundle.claim)) {
    CARELEDGER_CHECK(verify_record(bundle, *record, committed, report));
  } else {
    CARELEDGER_CHECK(verify_access(bundle, std::get<AccessClaim>(bundle.claim), committed, report));
  }
  CARELEDGER_CHECK(verify_checkpoint(bundle, trust, committed, report));
  return report;
}

Result<void> verify_checkpoint(const Bundle& bundle, const Trust& trust, const Committed& committed, Report& report) {
  report.witnesses_known = trust.witnesses.size();
  if (bundle.checkpoint) {
    CARELEDGER_TRY(const SignedCheckpoint opened, at("checkpoint", open_checkpoint(bundle.checkpoint->note, trust)));
    if (opened.others != 0) return broken("checkpoint", "a signature of an unknown key, or one twice");
    const Checkpoint& checkpoint = opened.checkpoint;
    const bool older = checkpoint.size <= committed.log_size;
    CARELEDGER_CHECK(at("checkpoint", older ? verify_consistency(checkpoint.size, checkpoint.root, committed.log_size, committed.log_root,
                                                                 bundle.checkpoint->consistency)
                                            : verify_consistency(committed.log_size, committed.log_root, checkpoint.size, checkpoint.root,
                                                                 bundle.checkpoint->consistency)));
    if (report.log_index >= checkpoint.size) return broken("checkpoint", "older than the command it should cover");
    report.witnesses = opened.witnesses;
    report.checkpoint_size = checkpoint.size;
  }
  if (report.witnesses < trust.quorum) return broken("quorum", "too few witnesses cosigned");
  return {};
}

Bytes promise_signed_bytes(ByteView promise) {
  Bytes out;
  append_field(out, "careledger/promise/1");
  return out.append(promise);
}

Result<Bytes> convict(const ledger::SignedPromise& promise, ByteView list_bundle, const Trust& trust, std::optional<BlockTime> now) {
  CARELEDGER_CHECK(verify(list_bundle, trust, now));
  CARELEDGER_TRY(Bundle bundle, decode_bundle(list_bundle));
  auto* access = std::get_if<AccessClaim>(&bundle.claim);
  if (access == nullptr || access->promise) return broken("promise", "this bundle is not a list of accesses");
  access->promise = promise;
  Bytes bytes = encode(bundle);
  CARELEDGER_CHECK(verify(bytes, trust, now));
  return bytes;
}

// ---- rows ----

Result<StateRows> StateRows::open(const MapCut& cut, const Digest& root) {
  CARELEDGER_TRY(MapView view, at("state", MapView::verify(cut, root)));
  return StateRows(std::move(view));
}

template <class Row>
Result<Row> StateRows::row(const Bytes& key, const char* what) {
  const MapLeaf* leaf = view_.find(key);
  if (leaf == nullptr || !leaf->value) return broken("state", (std::string("the row is missing: ") + what).c_str());
  present_.push_back(key);
  return at("state", from_canonical<Row>(*leaf->value, what));
}
template Result<ledger::Account> StateRows::row(const Bytes&, const char*);
template Result<ledger::Organisation> StateRows::row(const Bytes&, const char*);
template Result<ledger::AccessHead> StateRows::row(const Bytes&, const char*);
template Result<ledger::RecordException> StateRows::row(const Bytes&, const char*);

MapView::Known StateRows::look(const Bytes& key) {
  const MapView::Known known = view_.look(key);
  if (known == MapView::Known::absent) absent_.push_back(key);
  return known;
}

Result<std::vector<KnownAuthority>> StateRows::authorities(const AccountId& id, std::uint64_t at_height) {
  CARELEDGER_TRY(const auto account, row<ledger::Account>(account_key(id), "account"));
  std::vector<KnownAuthority> out{{account.authority()}};
  const Bytes prefix = past_authority_key(id, 0).substr(0, 33);
  for (const MapLeaf& leaf : view_.leaves()) {
    if (!leaf.key.starts_with(prefix) || !leaf.value) continue;
    CARELEDGER_TRY(const auto past, at("state", from_canonical<bundle::PastAuthority>(*leaf.value, "past authority")));
    if (past.until_height() < at_height) return broken("state", "an authority that was replaced before");
    present_.push_back(leaf.key);
    out.push_back({past.authority(), past.until_height()});
  }
  return out;
}

Result<void> StateRows::nothing_more() const {
  if (!view_.exactly(present_, absent_)) return broken("state", "more rows than the claim needs");
  return {};
}

}  // namespace careledger::proof
