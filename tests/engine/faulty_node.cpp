// `careledger serve` as it is, but that it executes one contract wrong: to it no command of the contract for records is one. What follows
// from that is as real as with any other mistake in a program. Linked with --wrap, which gives it the place of contracts::all().
#include <span>
#include <vector>

#include "apps/commands/command.h"
#include "contracts/all.h"
#include "contracts/records/records.h"
#include "vault/keystore.h"

namespace kernel = careledger::kernel;

std::span<const kernel::Contract> all_as_they_are() asm("__real__ZN10careledger9contracts3allEv");
std::span<const kernel::Contract> all_but_one_wrong() asm("__wrap__ZN10careledger9contracts3allEv");

namespace {

careledger::Result<std::unique_ptr<const kernel::Prepared>, kernel::DecodeError> take_for_nonsense(careledger::ByteView /*payload*/) {
  return tl::make_unexpected(kernel::DecodeError{});
}

}  // namespace

std::span<const kernel::Contract> all_but_one_wrong() {
  static const std::vector<kernel::Contract> contracts = [] {
    const auto right = all_as_they_are();
    std::vector<kernel::Contract> wrong(right.begin(), right.end());
    for (kernel::Contract& contract : wrong)
      if (contract.id == careledger::contracts::records::kContract.id) contract.decode = take_for_nonsense;
    return wrong;
  }();
  return contracts;
}

int main(int argc, char** argv) {
  namespace commands = careledger::apps::commands;
  careledger::vault::harden_process();
  CLI::App app("a node that executes a contract wrong", "faulty_node");
  commands::Context context;
  app.require_subcommand(1);
  commands::add_serve(app, context, careledger::apps::network::retention_of, {.program = "cometbft", .look_ms = 500});
  CLI11_PARSE(app, argc, argv);
  return context.chosen();
}
