// One command against one state: the rules of the game, in one pure function. The replica calls it for every command of a block, in
// order, merging each effect before the next; `check_command` asks the same questions without writing anything.
//
// Order of judgement (codes.h): form, ledger, contract, expiry, actor, signatures, sequence; from then on the number is consumed
// whatever else happens: payload, decide, apply on an overlay, limits, depth, invariants.
#pragma once

#include <span>
#include <vector>

#include "kernel/authority.h"
#include "kernel/command.h"
#include "kernel/contract.h"

namespace careledger::kernel {

struct BlockContext {
  LedgerId ledger;
  Height height;
  BlockTime time;
  ProtocolVersion protocol;
};

class Host : public SignatureVerdicts {  // what the replica supplies
 public:
  // Whether a row under this new key would lie deeper in the Merkle map than the rules allow (120), given the state and all changes of
  // this block so far. Asked for each key that a command adds, in order, before its changes are merged; what was asked about counts as
  // added from then on, so that the keys of one command are judged together.
  virtual bool too_deep(const Key& added) = 0;
};

struct Effect {
  Code code;
  Changes changes;            // with ok: all the command's rows; otherwise the sequence row alone, or nothing
  std::vector<Event> events;  // empty unless ok
};

// A command's payload, decoded by its contract. Null when nothing can be decided about it: its form, contract or payload is not sound.
std::unique_ptr<const Prepared> prepare(const ReceivedCommand& command, std::span<const Contract> contracts);

// `state` holds the effects of every earlier command of the block. `prepared`: what prepare() gave for the command, when it was asked; null
// otherwise.
Effect execute_command(const ReceivedCommand& command, const BlockContext& block, const Rows& state, std::span<const Contract> contracts,
                       Host& host, const Prepared* prepared = nullptr);

// The rows that contracts keep of an engine's word about a validator, before the commands of the block that holds it. None when it is not
// sound, is known already, or a row of it would lie too deep.
Changes execute_misbehaviour(const Misbehaviour& misbehaviour, const BlockContext& block, const Rows& state,
                             std::span<const Contract> contracts, Host& host);

// What is judged before the actor's number is consumed; ok: a block of this context consumes it, whatever else becomes of the command.
KernelCode judge_command(const ReceivedCommand& command, const BlockContext& block, const Rows& state, std::span<const Contract> contracts,
                         SignatureVerdicts& verdicts);

// For a node's own clients: what the command would get in a block of this context, as far as that is known without applying it.
Code check_command(const ReceivedCommand& command, const BlockContext& block, const Rows& state, std::span<const Contract> contracts,
                   SignatureVerdicts& verdicts, const Prepared* prepared = nullptr);

// An organisation's envelope: ok, unknown_actor, actor_not_active or bad_signature. Only organisations and the founder may send.
KernelCode check_envelope(const ReceivedBatch& batch, BlockTime time, const Rows& state, SignatureVerdicts& verdicts);

struct Receipt {  // the answer to one command; what a client keeps
  LedgerId ledger;
  Digest command;
  Code code;
  Height height;
  std::uint32_t position = 0;  // within the block
};

// The newest protocol version that a program with these contracts can execute; a block under a newer one is for a newer program.
ProtocolVersion newest_protocol(std::span<const Contract> contracts);

const Contract* find_contract(std::span<const Contract> contracts, ContractId id);  // nullptr when unknown
std::string_view code_name(std::span<const Contract> contracts, Code code);         // "replayed", "grant_exists"; empty when unknown

}  // namespace careledger::kernel
