#include "contracts/access/access.h"

#include "kernel/define.h"

namespace careledger::contracts::access {

using kernel::Call;
using kernel::Reader;
using kernel::Writer;

// Rules stand in the contract's own namespace, where kernel::define finds them by their arguments.

bool well_formed(const Head& c) { return is_digest(c.map_root()) && is_digest(c.log_root()); }

void foresee(const Head&, const AccountId& actor, std::vector<kernel::Key>& keys) { keys.push_back(kHeads.key(actor)); }

Codes decide(const Head& c, const Call& call, const Reader& state) {
  if (!is_organisation(state, call.actor)) return Codes::not_an_organisation;
  const auto row = state.get(kHeads, call.actor);
  if (!row) return Codes::ok;
  if (c.size() < row->size()) return Codes::size_shrinks;
  const bool same = c.map_root() == row->map_root() && c.log_root() == row->log_root();
  return c.size() == row->size() && !same ? Codes::roots_differ : Codes::ok;
}

void apply(const Head& c, const Call& call, Writer& state) {
  ledger::AccessHead row;
  row.set_map_root(c.map_root());
  row.set_log_root(c.log_root());
  row.set_size(c.size());
  row.set_height(call.height.value);
  state.put(kHeads, row, call.actor);
  Event event;
  auto* head = event.mutable_head_set();
  head->set_organisation(call.actor.bytes());
  head->set_map_root(c.map_root());
  head->set_log_root(c.log_root());
  head->set_size(c.size());
  state.emit(event);
}

static bool head_holds(const Call&, const kernel::Key&, kernel::RowBytes before, kernel::RowBytes after, const Reader&) {
  if (!after) return false;
  const auto now = row_of<ledger::AccessHead>(*after);
  if (!before) return true;
  const auto old = row_of<ledger::AccessHead>(*before);
  if (now.size() != old.size()) return now.size() > old.size();
  return now.map_root() == old.map_root() && now.log_root() == old.log_root();
}

static constexpr kernel::Invariant kInvariants[] = {
    {kHeads.space, "an access head stays and never shrinks", &head_holds},
};

static constexpr kernel::CodeName kCodes[] = {{0, "ok"}, {1, "not_an_organisation"}, {2, "size_shrinks"}, {3, "roots_differ"}};

constinit const kernel::Contract kContract =
    kernel::define<{5}, Codes, Payload, kernel::Case<Payload::kHead, &Payload::head>>("access", {1}, kInvariants, kCodes);

}  // namespace careledger::contracts::access
