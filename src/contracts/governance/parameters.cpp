#include "contracts/governance/parameters.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace careledger::contracts::governance {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

namespace {

const ParameterRule& known(Parameter parameter) {
  const ParameterRule* rule = rule_of(number_of(parameter));
  CARELEDGER_ASSERT(rule != nullptr);
  return *rule;
}

bool within(const ParameterRule& rule, std::uint64_t value) { return value >= rule.least && value <= rule.most; }

// What holds, or is to hold from the next blocks on.
std::uint64_t newest_of(const Reader& state, const ParameterRule& rule) {
  const auto row = state.get(kParameterHistory, number_of(rule.parameter));
  return row ? row->settings().rbegin()->value() : rule.founded;
}

// What must still stand before a new one that holds from a block on: of two decisions in one block the first goes, and of a full row the
// oldest.
using Settings = std::vector<Setting>;
Settings kept_of(const google::protobuf::RepeatedPtrField<Setting>& old, std::uint64_t from) {
  Settings kept(old.begin(), old.end());
  if (!kept.empty() && kept.back().height() == from) kept.pop_back();
  if (std::ssize(kept) == kSettingsMax) kept.erase(kept.begin());
  return kept;
}

}  // namespace

const ParameterRule* rule_of(std::uint32_t parameter) {
  const auto found = std::ranges::find(kParameters, parameter, [](const ParameterRule& rule) { return number_of(rule.parameter); });
  return found == std::end(kParameters) ? nullptr : found;
}

std::uint64_t value_of(const Reader& state, Parameter parameter, Height block) {
  std::uint64_t value = known(parameter).founded;
  if (const auto row = state.get(kParameterHistory, number_of(parameter)))
    for (const Setting& one : row->settings())
      if (one.height() <= block.value) value = one.value();
  return value;
}

std::optional<std::uint64_t> value_beginning(const Reader& state, Parameter parameter, Height block) {
  if (const auto row = state.get(kParameterHistory, number_of(parameter)))
    for (const Setting& one : row->settings())
      if (one.height() == block.value) return one.value();
  return std::nullopt;
}

bool action_formed(const SetParameter&) { return true; }

Codes action_judged(const SetParameter& c, const Call&, const Reader& state) {
  const ParameterRule* rule = rule_of(c.parameter());
  if (rule == nullptr) return Codes::parameter_unknown;
  if (!within(*rule, c.value())) return Codes::parameter_out_of_bounds;
  return newest_of(state, *rule) == c.value() ? Codes::action_not_possible : Codes::ok;
}

// Of two in one block the later one holds.
void carry_out(const SetParameter& c, const Call& call, Writer& state) {
  auto row = state.get(kParameterHistory, c.parameter()).value_or(ParameterHistory());
  const std::uint64_t from = call.height.value + kParameterDelay;
  auto& settings = *row.mutable_settings();
  if (settings.empty() || settings.rbegin()->height() != from) settings.Add()->set_height(from);
  settings.rbegin()->set_value(c.value());
  if (settings.size() > kSettingsMax) settings.erase(settings.begin());
  state.put(kParameterHistory, row, c.parameter());
  Event event;
  event.mutable_parameter_set()->set_parameter(c.parameter());
  *event.mutable_parameter_set()->mutable_setting() = *settings.rbegin();
  state.emit(event);
}

bool parameter_holds(const Call& call, const kernel::Key& key, kernel::RowBytes before, kernel::RowBytes after, const Reader&) {
  if (!after) return false;
  const auto now = row_of<ParameterHistory>(*after);
  const auto old = before ? row_of<ParameterHistory>(*before) : ParameterHistory();
  const ParameterRule* rule = rule_of(key.counter());
  const std::uint64_t from = call.height.value + kParameterDelay;
  const Settings kept = kept_of(old.settings(), from);
  if (rule == nullptr || now.settings_size() != std::ssize(kept) + 1) return false;
  const auto same = [](const Setting& was, const Setting& one) { return was.height() == one.height() && was.value() == one.value(); };
  const bool ascends = kept.empty() || kept.back().height() < from;
  const Setting& newest = *now.settings().rbegin();
  return ascends && std::equal(kept.begin(), kept.end(), now.settings().begin(), same) && within(*rule, newest.value()) &&
         newest.height() == from;
}

}  // namespace careledger::contracts::governance
