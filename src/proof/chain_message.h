// Between the values of chain.h and the messages of comet.proto. Internal to proof/. Thread-safety: pure functions.
#pragma once

#include "proof/chain.h"
#include "proof/comet.pb.h"

namespace careledger::proof {

void to_message(const Time& time, comet::Timestamp& out);
void to_message(const BlockId& id, comet::BlockID& out);
void to_message(const Header& header, comet::Header& out);
void to_message(const CommitSig& sig, comet::CommitSig& out);
void to_message(const Commit& commit, comet::Commit& out);
void to_message(const Validator& validator, comet::Validator& out);
void to_message(const ValidatorSet& set, comet::ValidatorSet& out);
void to_message(const Block& block, comet::Block& out);

Result<Header> from_message(const comet::Header& message);
Result<Commit> from_message(const comet::Commit& message);
Result<ValidatorSet> from_message(const comet::ValidatorSet& message);
Result<Block> from_message(const comet::Block& message);

}  // namespace careledger::proof
