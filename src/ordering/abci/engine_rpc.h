// What we ask of the engine over its RPC: to order an envelope, and for the headers and validators that outsiders believe.
//
// The transport is the caller's: it reaches an engine on this machine only. Nothing an engine says about headers is believed as such: a
// header is returned when its hash is the one its commit is for, and whoever needs more verifies the commit.
//
// Thread-safety: safe from any thread when the transport is.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "proof/chain.h"

namespace careledger::ordering::abci {

class Transport {
 public:
  virtual ~Transport() = default;
  // The body of the answer, whatever its HTTP status. unavailable: no connection or no answer in time.
  virtual Result<Bytes> get(const std::string& target) = 0;
  virtual Result<Bytes> post_form(const std::string& target, Bytes form) = 0;
};

enum class Admission : std::uint8_t {
  taken,  // our application is asked about it next, in the order of the submissions; what it refuses is dropped without a word
  known,  // these bytes were given before, and may be final already
  full,   // the pool is full: later
};

struct EngineBlock {
  proof::Header header;
  std::vector<Bytes> transactions;
};

struct EngineStatus {
  Height height;
  bool catching_up = false;
  std::string version;
};

class EngineRpc {
 public:
  explicit EngineRpc(Transport& transport) : transport_(transport) {}

  // The hex form of a form body: JSON would cost the engine most of its time. Does not wait for the check, which comes up to 20 ms later:
  // so one caller can give many in order. unavailable, malformed.
  Result<Admission> submit(ByteView transaction);
  Result<proof::SignedHeader> header(Height height);      // not_found: not yet, or pruned
  Result<proof::ValidatorSet> validators(Height height);  // not_found
  Result<EngineBlock> block(Height height);               // not_found; malformed: its transactions are not those that its header commits to
  Result<Height> newest();                                // of the blocks that it keeps; 0: none
  Result<Height> oldest();                                // of them; 1 unless it says that it keeps none so low
  Result<EngineStatus> status();
  Result<std::vector<std::string>> connected();  // ids (40 hex digits) of the nodes that the engine is connected to
  Result<std::vector<Height>> peer_heights();    // of their newest blocks, as they say themselves; of one that said nothing yet 0

 private:
  Transport& transport_;
};

// Parsing alone, for tests and fuzzing: `text` is the whole answer. malformed names the member.
Result<Admission> parse_admission(ByteView text);
Result<proof::SignedHeader> parse_commit(ByteView text);
struct ValidatorPage {
  std::vector<proof::Validator> validators;
  std::size_t total = 0;
};
Result<ValidatorPage> parse_validators(ByteView text);
Result<EngineBlock> parse_block(ByteView text);
Result<Height> parse_newest(ByteView text);
Result<Height> parse_oldest(ByteView text);
Result<EngineStatus> parse_status(ByteView text);
Result<std::vector<std::string>> parse_connected(ByteView text);
Result<std::vector<Height>> parse_peer_heights(ByteView text);

}  // namespace careledger::ordering::abci
