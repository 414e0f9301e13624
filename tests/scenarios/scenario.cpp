#include "scenario.h"

#include <sstream>
#include <stdexcept>

#include "cast.h"
#include "contracts/access/access.pb.h"
#include "contracts/build.h"
#include "contracts/consent/consent.pb.h"
#include "contracts/governance/governance.h"
#include "contracts/records/records.pb.h"
#include "kernel/canonical.h"
#include "kernel/tables.h"
#include "test_contracts.h"

namespace careledger::scenarios {

namespace {

namespace build = contracts::build;
using Fields = std::vector<std::pair<std::string, std::string>>;

struct Line {  // one command of a file
  std::size_t number = 0;
  std::string actor;
  std::string contract;
  std::string command;
  Fields fields;  // names with @ are about the command, the others in it
  std::string expected;
};

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line.substr(0, line.find('#')));
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

Line parse_line(std::size_t number, const std::vector<std::string>& words) {
  if (words.size() < 4 || words[words.size() - 2] != "=") {
    throw std::runtime_error("expected: actor contract.command field=value … = code");
  }
  const auto name = split(words[1], '.');
  if (name.size() != 2) throw std::runtime_error("expected contract.command, got " + words[1]);
  Line line{number, words[0], name[0], name[1], {}, words.back()};
  for (std::size_t i = 2; i + 2 < words.size(); ++i) {
    const auto equals = words[i].find('=');
    const bool bare = equals == std::string::npos;
    line.fields.emplace_back(words[i].substr(0, equals), bare ? "" : words[i].substr(equals + 1));
  }
  return line;
}

std::unique_ptr<google::protobuf::Message> new_payload(const std::string& contract) {
  if (contract == "registry") return std::make_unique<contracts::registry::Payload>();
  if (contract == "relationship") return std::make_unique<contracts::relationship::Payload>();
  if (contract == "consent") return std::make_unique<contracts::consent::Payload>();
  if (contract == "records") return std::make_unique<contracts::records::Payload>();
  if (contract == "access") return std::make_unique<contracts::access::Payload>();
  if (contract == "governance") return std::make_unique<contracts::governance::Payload>();
  return nullptr;
}

class Player {
 public:
  explicit Player(std::string file) : file_(std::move(file)) {}

  Played play(const std::string& text, const LedgerMaker& maker) {
    begin(text, maker);
    std::istringstream in(text);
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      try {
        take(number, words_of(line));
      } catch (const std::exception& error) {
        fail(number, error.what());
      }
    }
    flush();
    return std::move(played_);
  }

 private:
  void fail(std::size_t number, const std::string& why) { played_.failures.push_back(file_ + ":" + std::to_string(number) + ": " + why); }

  // A file whose first line says `network a b c d` plays on a ledger that these found together; every other one has a founder.
  void begin(const std::string& text, const LedgerMaker& maker) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string line; words.empty() && std::getline(in, line);) words = words_of(line);
    if (!words.empty() && words[0] == "network") {
      const std::vector<std::string> members(words.begin() + 1, words.end());
      const auto founding = cast_.network(members);
      const std::string first = split(split(members.at(0), '@')[0], ':')[0];
      ledger_ = maker(Setup{founding, cast_.account(first), {2, &cast_.key(first + ".batch")}, contracts_with_hostile()});
    } else {
      const auto founding = cast_.founding();
      ledger_ = maker(Setup{founding, cast_.account("founder"), {2, &cast_.key("founder.batch")}, contracts_with_hostile()});
    }
  }

  void take(std::size_t number, const std::vector<std::string>& words) {
    if (words.empty() || words[0] == "network") return;
    if (words[0] == "pass") return ledger_->pass_ms(duration_ms(words.at(1)));
    if (words[0] == "together") return static_cast<void>(together_ = true);
    if (words[0] == "apart") return together_ = false, flush();
    if (words[0] == "sender") return ledger_->send_as(cast_.account(words.at(1)), {2, &cast_.key(words.at(1) + ".batch")});
    if (words[0] == "authority") return define_authority(words);
    if (words[0] == "organisation") return admit(number, words.at(1), words.at(2));
    if (words[0] == "patient" || words[0] == "proposed" || words[0] == "held") return propose(number, words);
    add(parse_line(number, words));
  }

  // authority NAME threshold=2 keys=a,b,c:2      (c has role 2)
  void define_authority(const std::vector<std::string>& words) {
    ledger::Authority authority;
    for (std::size_t i = 2; i < words.size(); ++i) {
      const auto parts = split(words[i], '=');
      if (parts[0] == "threshold") authority.set_threshold(static_cast<std::uint32_t>(std::stoul(parts.at(1))));
      if (parts[0] != "keys") continue;
      for (const auto& entry : split(parts.at(1), ',')) {
        const auto key = split(entry, ':');
        const auto role = key.size() > 1 ? std::stoul(key[1]) : 1;
        kernel::add_key(authority, static_cast<kernel::KeyRole>(role), cast_.key(key[0]).public_key());
      }
    }
    cast_.define_authority(words.at(1), authority);
  }

  void admit(std::size_t number, const std::string& name, const std::string& kind) {
    add({number,
         "founder",
         "registry",
         "admit",
         {{"authority", name}, {"nonce", name}, {"name", name}, {"kind", kind}, {"sealing_key", name}},
         "ok"});
  }

  void propose(std::size_t number, const std::vector<std::string>& words) {  // patient NAME at ORGANISATION
    const std::string& name = words.at(1);
    add({number,
         words.at(3),
         "relationship",
         "propose",
         {{"authority", name}, {"nonce", name}, {"held_in_trust", words[0] == "held" ? "yes" : "no"}},
         "ok"});
    if (words[0] == "patient") add({number, name, "relationship", "accept", {{"relationship", name}}, "ok"});
  }

  void add(const Line& line) {
    if (line.command == "propose") {
      for (const auto& [name, value] : line.fields) {
        if (name == "authority") cast_.tell_relationship(value, line.actor);
      }
    }
    lines_.push_back(line);
    commands_.push_back(command_of(line));
    for (const auto& [name, value] : line.fields) {
      if (name == "@as") cast_.tell_proposal(value, contracts::governance::proposal_id(kernel::receive(commands_.back()).digest));
    }
    if (!together_) flush();
  }

  Bytes payload_of(const Line& line) {
    const auto payload = new_payload(line.contract);
    if (!payload) {  // a test contract: words
      Bytes words = line.command;
      for (const auto& [name, value] : line.fields) words += name.starts_with("@") ? "" : " " + value;
      return words;
    }
    const auto* field = payload->GetDescriptor()->FindFieldByName(line.command);
    if (field == nullptr) throw std::runtime_error("no command " + line.command + " in " + line.contract);
    auto* command = payload->GetReflection()->MutableMessage(payload.get(), field);
    const Scene scene{cast_, ledger_->next_time(), ledger_->ledger(), cast_.account(line.actor)};
    for (const auto& [name, value] : line.fields) {
      if (!name.starts_with("@")) fill(scene, *command, name, value);
    }
    return kernel::encode(*payload);
  }

  ContractId contract_of(const std::string& name) const {
    for (const auto& contract : contracts_with_hostile()) {
      if (contract.name == name) return contract.id;
    }
    throw std::runtime_error("no contract " + name);
  }

  ledger::SignedCommand command_of(const Line& line) {
    kernel::CommandOrder order{
        ledger_->ledger(), cast_.account(line.actor), 0, {ledger_->next_time().value + 600'000}, contract_of(line.contract)};
    Bytes payload = payload_of(line);
    std::string by = line.actor;
    std::string mangle;
    bool again = false;
    std::uint64_t& last = last_sequence_[line.actor];
    order.sequence = last + 1;
    for (const auto& [name, value] : line.fields) {
      if (name == "@by") by = value;
      if (name == "@sequence") order.sequence = std::stoull(value);
      if (name == "@expires") order.expires = {ledger_->next_time().value + duration_ms(value)};
      if (name == "@ledger") order.ledger = id_cast<LedgerId>(digest_of_name(value));
      if (name == "@contract") order.contract = {static_cast<std::uint16_t>(std::stoul(value))};
      if (name == "@pad") payload.resize(std::stoul(value), 'x');
      if (name == "@mangle") mangle = value;
      if (name == "@again") again = true;
    }
    if (again) return last_command_.at(line.actor);
    if (mangle == "payload") payload += Bytes("\xf8\x07\x01", 3);  // unknown field 127
    auto command = kernel::sign_command(order, payload, cast_.signers(by));
    last = std::max(last, order.sequence);
    if (mangle == "command") command.mutable_command()->append("\xf8\x07\x01", 3);
    if (mangle == "signature") command.mutable_signatures(0)->mutable_signature()->at(7) ^= 1;
    return last_command_[line.actor] = command;
  }

  void flush() {
    if (commands_.empty()) return;
    const auto codes = ledger_->block(commands_);
    for (std::size_t i = 0; i < codes.size(); ++i) judge(lines_[i], codes[i]);
    played_.commands += codes.size();
    commands_.clear();
    lines_.clear();
  }

  void judge(const Line& line, kernel::Code code) {
    std::string got(kernel::code_name(contracts_with_hostile(), code));
    const kernel::Contract* contract = kernel::find_contract(contracts_with_hostile(), code.contract);
    if (code.contract == kernel::kKernel) got = "kernel." + got;
    else if (contract != nullptr && line.expected.starts_with(std::string(contract->name) + "."))
      got = std::string(contract->name) + "." + got;
    if (got != line.expected) return fail(line.number, "expected " + line.expected + ", got " + got);
    // A command with code ok is also the kernel's ok: no contract has an ok of its own that differs.
    played_.codes.emplace(code.contract.value, code.number);
    if (code.ok()) played_.codes.emplace(kernel::kKernel.value, 0);
  }

  std::string file_;
  Cast cast_;
  std::unique_ptr<LedgerUnderTest> ledger_;
  bool together_ = false;
  std::vector<Line> lines_;
  std::vector<ledger::SignedCommand> commands_;
  std::map<std::string, std::uint64_t> last_sequence_;
  std::map<std::string, ledger::SignedCommand> last_command_;
  Played played_;
};

}  // namespace

Played play(const std::string& file, const std::string& text, const LedgerMaker& maker) { return Player(file).play(text, maker); }

}  // namespace careledger::scenarios
