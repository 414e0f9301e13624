// Signs what a validator says in consensus, with a key that the engine never sees, and never two different things for one step.
//
// What was signed last is on disk before the signature leaves. Asked again for the same step, the same bytes get the same signature; a
// vote or proposal that differs in its time alone gets the earlier time with its signature; anything else is refused. An older copy of
// that file lets a validator contradict itself above the height of its ledger: it is no part of a backup, and a signer without it does not
// start. One that was restored without it is silent (create_silent) until the ledger has a block that was made after the last moment at
// which it can have signed: then whatever it signed is of that height or below. That moment was told by this machine's clock: one that lags
// behind the blocks prolongs the silence. Once the file could not be made durable nothing more is
// signed until it is opened again.
//
// A validator's key may change while the engine runs: before each answer the signer asks which key it signs with now, and for which blocks.
// CometBFT asks for the public key after each block that it decides, so that it knows the new one in time; one that fetched blocks past the
// change without asking has to be started again (knows_key()). The record is one for all keys: no two messages for a step, whatever key.
//
// Thread-safety: a Signer takes turns by a lock of its own. A SignerLink has a thread, which dials the engine again whenever it is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/files.h"
#include "base/ids.h"
#include "crypto/sign.h"
#include "ordering/abci/signed_steps.h"

namespace careledger::ordering::abci {

struct LedgerTip {  // the newest block that is durable here
  Height height;
  BlockTime time;
  BlockTime now;  // by this machine's clock
};

// With which key a validator signs now, and for which blocks.
struct Mandate {
  crypto::SigningKey key;
  Height from{1}, to{UINT64_MAX};  // for none: from > to
};
using MandateNow = std::function<Result<Mandate>()>;

class Signer {
 public:
  // For a key that never signed anything. conflict: the file is there.
  static Result<void> create(Files& files, const std::string& file, const std::string& chain_id);
  // For a key that has signed something nobody knows, until `until` at the latest by the clocks of the other validators. conflict: the file
  // is there.
  static Result<void> create_silent(Files& files, const std::string& file, const std::string& chain_id, BlockTime until);
  // Until when it is silent; nullopt: it is not. not_found, corrupt.
  static Result<std::optional<BlockTime>> silent_until(Files& files, const std::string& file);
  // Whether something may have been signed by who keeps this record: false of one as create() makes it alone. not_found, corrupt.
  static Result<bool> has_signed(Files& files, const std::string& file);
  // Whether the file is a record of what was signed on this chain; corrupt: of none that reads.
  static Result<bool> is_of(Files& files, const std::string& file, const std::string& chain_id);
  // not_found: no file; corrupt: not one of this chain. `ledger`: the height that the replica has; nothing is signed up to it, whatever the
  // file says. `tip` tells what it has by now, from the asking thread: without it a silent signer stays silent; `mandate` likewise. Borrows
  // files.
  static Result<std::unique_ptr<Signer>> open(Files& files, std::string file, std::string chain_id, MandateNow mandate, Height ledger = {0},
                                              std::function<LedgerTip()> tip = {});
  // The same with one key for ever.
  static Result<std::unique_ptr<Signer>> open(Files& files, std::string file, std::string chain_id, crypto::SigningKey key,
                                              Height ledger = {0}, std::function<LedgerTip()> tip = {});

  // The answer to one request; a refusal is an answer that carries an error. malformed: no request.
  Result<signer::Message> answer(const signer::Message& request);
  // False: the engine goes by another key than this one signs with now, and asks for nothing. True while it has not asked for any.
  bool knows_key();

 private:
  Signer(SignedSteps steps, std::string chain_id, MandateNow mandate, std::function<LedgerTip()> tip)
      : chain_id_(std::move(chain_id)),
        mandate_(std::move(mandate)),
        tip_(std::move(tip)),
        steps_(std::move(steps)),
        last_(steps_.newest()) {}
  struct Step {
    std::int64_t height = 0;
    std::int32_t round = 0;
    std::int32_t step = 0;
  };
  template <class Canonical>
  Result<Bytes> sign(const Step& step, Canonical& canonical, const Mandate& mandate);  // may change its time to the one signed before
  Result<Mandate> mandate_for(std::int64_t height);
  Result<void> tell_key(signer::KeyResponse& response);
  Result<void> end_silence();
  Result<void> sign_vote(signer::Vote& vote);
  Result<void> sign_proposal(signer::Proposal& proposal);
  Result<void> remember(const Step& step, Bytes sign_bytes, const Bytes& signature);
  Result<void> store(signer::Signed record);

  const std::string chain_id_;
  const MandateNow mandate_;
  const std::function<LedgerTip()> tip_;
  std::mutex mutex_;
  SignedSteps steps_;
  signer::Signed last_;                    // as stored, or that nothing up to the ledger's height is signed
  std::optional<crypto::PublicKey> told_;  // to the engine
};

class SignerLink {
 public:
  // Dials the socket on which the engine waits for its signer, and serves it until stop(). Borrows the signer. on_fault: a signature was
  // refused, in other words than the one before, or the engine asked for nonsense; on the link's thread.
  SignerLink(Signer& signer, std::string socket, std::function<void(const Error&)> on_fault);
  ~SignerLink();
  void stop();  // idempotent

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace careledger::ordering::abci
