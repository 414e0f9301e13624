#include "ordering/state_query.h"

#include "proof/comet.pb.h"
#include "proof/ics23.h"

namespace careledger::ordering {
namespace {

struct Found {
  std::optional<Bytes> value;
  Bytes operations;
};

Bytes ics23_operations(ByteView key, const Bytes& in_state, const Bytes& in_app_hash) {
  comet::ProofOps ops;
  const auto add = [&ops](ByteView of, const Bytes& data) {
    auto& op = *ops.add_ops();
    op.set_type("ics23:simple");
    op.set_key(of.data(), of.size());
    op.set_data(data);
  };
  add(key, in_state);
  add("state", in_app_hash);
  return ops.SerializeAsString();
}

Result<Found> find_row(const replica::View& view, ByteView key, bool ics23) {
  const auto state = proof::prove_simple(proof::app_map(view.app_state()), "state");
  CARELEDGER_TRY(const auto path, view.path(key));
  if (path && !ics23 && path->steps.size() <= proof::kMaxSimpleDepth) {
    CARELEDGER_TRY(auto ops, proof::simple_value_ops(*path, state));
    return Found{path->value, std::move(ops)};
  }
  if (path) return Found{path->value, ics23_operations(key, proof::ics23_existence(*path), proof::ics23_existence(state))};
  CARELEDGER_TRY(const auto neighbours, view.neighbours(key));
  if (!neighbours.before && !neighbours.after)
    return fail(ErrorKind::unsupported, "the state is empty: there is nothing to prove absence with");
  const auto absence = proof::ics23_absence(key, neighbours.before, neighbours.after);
  return Found{std::nullopt, ics23_operations(key, absence, proof::ics23_existence(state))};
}

Result<Found> find_root(const replica::View& view, ByteView name) {
  const auto map = proof::app_map(view.app_state());
  if (!map.contains(Bytes(name))) return fail(ErrorKind::not_found, "there is no root of that name; there are \"log\" and \"state\"");
  const auto proof = proof::prove_simple(map, name);
  return Found{proof.value, proof::simple_value_ops(proof)};
}

Result<replica::View> view_for(const replica::Replica& replica, Height newest, std::int64_t asked) {
  if (newest.value < 2) return fail(ErrorKind::unavailable, "no height is provable yet");
  if (asked == 0) return replica.view_at({newest.value - 1});
  if (asked < 0 || static_cast<std::uint64_t>(asked) > newest.value) {
    return fail(ErrorKind::invalid, "height " + std::to_string(asked) + " must be less than or equal to the current blockchain height " +
                                        std::to_string(newest.value));
  }
  return replica.view_at({static_cast<std::uint64_t>(asked)});
}

}  // namespace

QueryAnswer query_state(const replica::Replica& replica, Height newest, std::string_view path, ByteView key, std::int64_t asked) {
  const bool ics23 = path == "/ics23/state/key";
  const bool root = path == "/root";
  if (!ics23 && !root && path != "/store/state/key")
    return {QueryCode::unknown_path, "unknown path; there are /store/state/key, /ics23/state/key and /root", {}, {}, {}};
  const auto view = view_for(replica, newest, asked);
  if (!view) return {QueryCode::no_such_height, view.error().message, {}, {}, {}};
  auto found = root ? find_root(*view, key) : find_row(*view, key, ics23);
  if (!found) return {QueryCode::not_answered, found.error().message, view->height(), {}, {}};
  return {QueryCode::ok, {}, view->height(), std::move(found->value), std::move(found->operations)};
}

}  // namespace careledger::ordering
