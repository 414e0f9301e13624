#include "ordering/abci/signer.h"

#include <algorithm>
#include <tuple>

#include "ordering/abci/frames.h"
#include "proof/canonical.h"
#include "proof/chain.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::int32_t kPrevote = 1, kPrecommit = 2, kProposal = 32;            // the engine's types of messages
constexpr std::int32_t kStepPropose = 1, kStepPrevote = 2, kStepPrecommit = 3;  // in the order of a round
constexpr std::int64_t kClocksApart = 10'000;                                   // milliseconds: what light clients allow as well

bool is_nil(const comet::BlockID& id) {
  return id.hash().empty() && id.part_set_header().total() == 0 && id.part_set_header().hash().empty();
}

// As Go writes it: a sub-message that may not be absent is always there.
void set_block_id(const comet::BlockID& from, comet::BlockID& to) {
  to.set_hash(from.hash());
  to.mutable_part_set_header()->CopyFrom(from.part_set_header());
}

// Nothing of this height, or below it, is signed any more.
void pass(signer::Signed& last, Height ledger) {
  const auto height = static_cast<std::int64_t>(ledger.value);
  if (height == 0 || last.height() > height) return;
  last.set_height(height);
  last.set_round(INT32_MAX);
  last.set_step(kStepPrecommit);
}

signer::Failure failure(const Error& error) {
  signer::Failure failure;
  failure.set_description(error.message);
  return failure;
}

}  // namespace

Result<void> Signer::create(Files& files, const std::string& file, const std::string& chain_id) {
  signer::Signed nothing;
  nothing.set_chain_id(chain_id);
  return SignedSteps::create(files, file, nothing);
}

Result<void> Signer::create_silent(Files& files, const std::string& file, const std::string& chain_id, BlockTime until) {
  signer::Signed unknown;
  unknown.set_chain_id(chain_id);
  unknown.set_silent_until_ms(until.value);
  return SignedSteps::create(files, file, unknown);
}

Result<std::optional<BlockTime>> Signer::silent_until(Files& files, const std::string& file) {
  CARELEDGER_TRY(const signer::Signed last, SignedSteps::read(files, file));
  if (last.silent_until_ms() == 0) return std::nullopt;
  return BlockTime{last.silent_until_ms()};
}

Result<bool> Signer::has_signed(Files& files, const std::string& file) {
  CARELEDGER_TRY(const signer::Signed last, SignedSteps::read(files, file));
  return last.height() != 0 || last.silent_until_ms() != 0;
}

Result<bool> Signer::is_of(Files& files, const std::string& file, const std::string& chain_id) {
  CARELEDGER_TRY(const signer::Signed last, SignedSteps::read(files, file));
  return last.chain_id() == chain_id;
}

Result<std::unique_ptr<Signer>> Signer::open(Files& files, std::string file, std::string chain_id, crypto::SigningKey key, Height ledger,
                                             std::function<LedgerTip()> tip) {
  const auto shared = std::make_shared<const crypto::SigningKey>(std::move(key));
  const MandateNow always = [shared]() -> Result<Mandate> { return Mandate{shared->clone()}; };
  return open(files, std::move(file), std::move(chain_id), always, ledger, std::move(tip));
}

Result<std::unique_ptr<Signer>> Signer::open(Files& files, std::string file, std::string chain_id, MandateNow mandate, Height ledger,
                                             std::function<LedgerTip()> tip) {
  auto steps = SignedSteps::open(files, file);
  if (!steps && steps.error().kind == ErrorKind::not_found)
    return fail(ErrorKind::not_found,
                file + " is gone: without it this validator might contradict itself; restore the whole folder from its backup");
  if (!steps) return tl::make_unexpected(steps.error());
  if (steps->newest().chain_id() != chain_id) return fail(ErrorKind::corrupt, file + " is no record of what was signed on " + chain_id);
  auto signer = std::unique_ptr<Signer>(new Signer(std::move(*steps), std::move(chain_id), std::move(mandate), std::move(tip)));
  pass(signer->last_, ledger);
  return signer;
}

bool Signer::knows_key() {
  const std::lock_guard lock(mutex_);
  if (!told_) return true;
  const auto mandate = mandate_();
  return !mandate || mandate->key.public_key() == *told_;
}

Result<void> Signer::tell_key(signer::KeyResponse& response) {
  CARELEDGER_TRY(const Mandate mandate, mandate_());
  told_ = mandate.key.public_key();
  response.mutable_pub_key()->set_ed25519(told_->bytes());
  return {};
}

Result<Mandate> Signer::mandate_for(std::int64_t height) {
  CARELEDGER_TRY(Mandate mandate, mandate_());
  const Height asked{static_cast<std::uint64_t>(std::max<std::int64_t>(height, 0))};
  if (asked >= mandate.from && asked <= mandate.to) return mandate;
  return fail(ErrorKind::forbidden,
              "by the ledger as it is here, this node's validator key has no vote at height " + std::to_string(height));
}

Result<signer::Message> Signer::answer(const signer::Message& request) {
  const std::lock_guard lock(mutex_);
  const auto of_ours = [this](const std::string& chain) -> Result<void> {
    if (chain != chain_id_) return fail(ErrorKind::forbidden, "this key signs for " + chain_id_ + " only");
    return {};
  };
  signer::Message answer;
  if (request.has_ping_request()) {
    answer.mutable_ping_response();
  } else if (request.has_key_request()) {
    auto& to = *answer.mutable_key_response();
    auto done = of_ours(request.key_request().chain_id());
    if (done) done = tell_key(to);
    if (!done) *to.mutable_error() = failure(done.error());
  } else if (request.has_vote_request()) {
    auto& to = *answer.mutable_vote_response();
    *to.mutable_vote() = request.vote_request().vote();
    auto done = of_ours(request.vote_request().chain_id());
    if (done) done = sign_vote(*to.mutable_vote());
    if (!done) *to.mutable_error() = failure(done.error());
  } else if (request.has_proposal_request()) {
    auto& to = *answer.mutable_proposal_response();
    *to.mutable_proposal() = request.proposal_request().proposal();
    auto done = of_ours(request.proposal_request().chain_id());
    if (done) done = sign_proposal(*to.mutable_proposal());
    if (!done) *to.mutable_error() = failure(done.error());
  } else {
    return fail(ErrorKind::malformed, "a message that is no request to a signer");
  }
  return answer;
}

Result<void> Signer::sign_vote(signer::Vote& vote) {
  if (vote.type() != kPrevote && vote.type() != kPrecommit) return fail(ErrorKind::invalid, "a vote of an unknown type");
  if (!vote.extension().empty()) return fail(ErrorKind::unsupported, "vote extensions are not used");
  CARELEDGER_TRY(const Mandate mandate, mandate_for(vote.height()));
  if (!vote.validator_address().empty() && vote.validator_address() != proof::address_of(mandate.key.public_key()))
    return fail(ErrorKind::conflict, "the engine votes as another validator at height " + std::to_string(vote.height()));
  comet::CanonicalVote canonical;
  canonical.set_type(vote.type());
  canonical.set_height(vote.height());
  canonical.set_round(vote.round());
  if (!is_nil(vote.block_id())) set_block_id(vote.block_id(), *canonical.mutable_block_id());
  *canonical.mutable_timestamp() = vote.timestamp();
  canonical.set_chain_id(chain_id_);
  const Step step{vote.height(), vote.round(), vote.type() == kPrevote ? kStepPrevote : kStepPrecommit};
  CARELEDGER_TRY(const Bytes signature, sign(step, canonical, mandate));
  *vote.mutable_timestamp() = canonical.timestamp();
  vote.set_signature(signature);
  return {};
}

Result<void> Signer::sign_proposal(signer::Proposal& proposal) {
  if (proposal.type() != kProposal) return fail(ErrorKind::invalid, "a proposal of an unknown type");
  CARELEDGER_TRY(const Mandate mandate, mandate_for(proposal.height()));
  signer::CanonicalProposal canonical;
  canonical.set_type(proposal.type());
  canonical.set_height(proposal.height());
  canonical.set_round(proposal.round());
  canonical.set_pol_round(proposal.pol_round());
  if (!is_nil(proposal.block_id())) set_block_id(proposal.block_id(), *canonical.mutable_block_id());
  *canonical.mutable_timestamp() = proposal.timestamp();
  canonical.set_chain_id(chain_id_);
  CARELEDGER_TRY(const Bytes signature, sign({proposal.height(), proposal.round(), kStepPropose}, canonical, mandate));
  *proposal.mutable_timestamp() = canonical.timestamp();
  proposal.set_signature(signature);
  return {};
}

// A block later than the last moment at which it can have signed is above all that had been decided by then, and it signs for no height
// above the one being decided.
Result<void> Signer::end_silence() {
  if (last_.silent_until_ms() == 0) return {};
  const LedgerTip tip = tip_ ? tip_() : LedgerTip{};
  if (tip.height.value == 0 || tip.time.value <= last_.silent_until_ms())
    return fail(ErrorKind::precondition,
                "this node was restored, and signs nothing until the ledger has a block that was made after that: it might contradict "
                "what it signed before");
  if (tip.time.value > tip.now.value + kClocksApart) {
    signer::Signed longer = last_;
    longer.set_silent_until_ms(tip.time.value + kClocksApart);
    CARELEDGER_CHECK(store(longer));
    return fail(ErrorKind::precondition,
                "this machine's clock is behind the blocks, so this restored node signs nothing yet: set the clock, and start it again");
  }
  pass(last_, tip.height);
  last_.clear_silent_until_ms();
  return {};
}

template <class Canonical>
Result<Bytes> Signer::sign(const Step& step, Canonical& canonical, const Mandate& mandate) {
  CARELEDGER_CHECK(end_silence());
  const std::tuple asked{step.height, step.round, step.step}, before{last_.height(), last_.round(), last_.step()};
  if (step.height < 1 || step.round < 0 || asked < before)
    return fail(ErrorKind::conflict, "something later than height " + std::to_string(step.height) + " round " + std::to_string(step.round) +
                                         " was signed before");
  if (asked == before) {
    Canonical earlier;
    CARELEDGER_CHECK(proof::parse_canonical(last_.sign_bytes(), earlier, "what was signed last"));
    *canonical.mutable_timestamp() = earlier.timestamp();
    if (proof::canonical_bytes(canonical) == last_.sign_bytes()) return last_.signature();
    return fail(ErrorKind::conflict, "another message for height " + std::to_string(step.height) + " round " + std::to_string(step.round) +
                                         " was signed before");
  }
  Bytes sign_bytes = proof::canonical_bytes(canonical);
  Bytes signature(mandate.key.sign(frame(sign_bytes)).view());
  CARELEDGER_CHECK(remember(step, std::move(sign_bytes), signature));
  return signature;
}

Result<void> Signer::remember(const Step& step, Bytes sign_bytes, const Bytes& signature) {
  signer::Signed now;
  now.set_height(step.height);
  now.set_round(step.round);
  now.set_step(step.step);
  now.set_sign_bytes(std::move(sign_bytes));
  now.set_signature(signature);
  now.set_chain_id(chain_id_);
  return store(std::move(now));
}

Result<void> Signer::store(signer::Signed record) {
  CARELEDGER_CHECK(steps_.append(record));
  last_ = std::move(record);
  return {};
}

}  // namespace careledger::ordering::abci
