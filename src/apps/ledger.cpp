#include "apps/ledger.h"

#include <future>
#include <thread>

#include "contracts/all.h"
#include "kernel/kernel.pb.h"
#include "kernel/tables.h"
#include "replica/ledger_store.h"

namespace careledger::apps {

Result<std::unique_ptr<Ledger>> Ledger::open(const Layout& layout, Bytes founding, vault::Keystore& keys, const Clock& clock,
                                             std::shared_ptr<storage::Room> room) {
  kernel::Founding document;
  if (!kernel::parse_canonical(founding, document))
    return fail(ErrorKind::corrupt, layout.founding() + " does not read as a founding document");
  auto ledger = std::unique_ptr<Ledger>(new Ledger);
  replica::LedgerStoreOptions options;
  options.folder = layout.ledger();
  options.room = std::move(room);
  CARELEDGER_TRY(std::unique_ptr<storage::Store> store, replica::open_ledger_store(options));
  ledger->store_ = std::move(store);
  replica::Config config;
  config.founding = std::move(founding);
  config.threads = std::max(1u, std::thread::hardware_concurrency()) - 1;
  CARELEDGER_TRY(ledger->replica_, replica::Replica::open(config, ledger->store_, contracts::all()));
  CARELEDGER_TRY(crypto::SigningKey validator, keys.signing(vault::Purpose::validator));
  ordering::local::Config ordering;
  ordering.app_version = kProtocol;
  ordering.epoch_ms = ledger->epoch_ms_ = document.epoch_ms();
  CARELEDGER_TRY(ledger->ordering_, ordering::local::start(*ledger->replica_, std::move(validator), clock, ordering));
  CARELEDGER_TRY(crypto::SigningKey log, keys.signing(vault::Purpose::cosign));
  ledger->checkpoints_ = std::make_unique<ordering::CheckpointKeeper>(kernel::chain_id(ledger->replica_->ledger()), std::move(log));
  return ledger;
}

Ledger::~Ledger() { stop(); }

void Ledger::stop() {
  if (ordering_) ordering_->stop();
}

Result<kernel::Receipt> Ledger::submit_and_wait(const OrganisationId& organisation, Bytes command) {
  std::promise<ordering::Answer> promise;
  ordering_->submit(organisation, std::move(command), ordering::Lane::urgent,
                    [&](const ordering::Answer& answer) { promise.set_value(answer); });
  const ordering::Answer answer = promise.get_future().get();
  if (!answer.receipt) return fail(ErrorKind::unavailable, "the ledger did not answer; look at its disk and try again");
  if (answer.outcome != ordering::Outcome::final || !answer.receipt->code.ok())
    return fail(ErrorKind::conflict, "the ledger refused the command: " + describe(*replica_, answer.receipt->code));
  return *answer.receipt;
}

void Ledger::wait_provable(Height height) {
  std::promise<void> promise;
  ordering_->when_provable(height, [&] { promise.set_value(); });
  promise.get_future().wait();
}

std::string describe(const replica::Replica& replica, const kernel::Code& code) {
  const kernel::Contract* contract = kernel::find_contract(replica.contracts(), code.contract);
  const std::string_view name = kernel::code_name(replica.contracts(), code);
  return (contract == nullptr ? std::string("kernel") : std::string(contract->name)) + ": " + std::string(name);
}

}  // namespace careledger::apps
