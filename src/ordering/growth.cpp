#include "ordering/growth.h"

#include "kernel/tables.h"

namespace careledger::ordering {

namespace governance = contracts::governance;

std::optional<governance::Growth> growth_of(const replica::View& view) { return view.state().get(governance::kGrowth, 0); }

Height seal_height(const governance::Growth& growth) { return {growth.height() + 1}; }

proof::ValidatorSet voters(const replica::View& view) {
  proof::ValidatorSet set;
  for (const auto& [key, row] : view.state().scan(kernel::kValidators, Limit{governance::kMembersMax})) {
    const auto public_key = crypto::PublicKey::from(row.key());
    CARELEDGER_ASSERT(public_key.has_value());  // an invariant of the contract
    set.validators.push_back({*public_key, static_cast<std::int64_t>(row.power()), 0});
  }
  proof::sort(set);
  return set;
}

}  // namespace careledger::ordering
