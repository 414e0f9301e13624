#include "apps/admin_api.h"

#include <gtest/gtest.h>

#include "apps/founding.h"
#include "apps/node_access.h"
#include "base/test_folder.h"
#include "edge/http/client.h"

namespace careledger::apps {
namespace {

namespace http = edge::http;
using edge::auth::Role;

constexpr int kWrites = 50;  // the block that proves a write is one write to the disk behind its answer

TEST(AdminApiTest, AWriteIsProvenRightAfterItsAnswer) {
  const TestFolder folder;
  const Layout layout = layout_of(folder.path() + "/node");
  NewLedger order;
  order.organisations = {{"North Hospital", "hospital", 0}};
  ASSERT_TRUE(found_ledger(layout, order, system_clock(), system_entropy(), {}));
  const auto access = NodeAccess::open(layout, {});
  ASSERT_TRUE(access) << access.error().message;
  for (int number = 0; number < kWrites; ++number) {
    const std::string id = "b" + std::to_string(number);
    const std::string body = R"({"resourceType":"Basic","id":")" + id + R"(","code":{"text":"x"}})";
    const auto written = (*access)->need("north-hospital", Role::system,
                                         http::make_request(http::Method::put, "/fhir/Basic/" + id, body, "application/fhir+json"));
    ASSERT_TRUE(written) << written.error().message;
    ASSERT_TRUE(written->headers.get("CareLedger-Anchor").starts_with("final;"));
    const auto proven =
        (*access)->need("north-hospital", Role::system, http::make_request(http::Method::get, "/admin/v1/prove?type=Basic&id=" + id));
    ASSERT_TRUE(proven) << id << ": " << proven.error().message;
    const auto bundle = proof::decode_bundle(proven->content());
    EXPECT_TRUE(bundle) << bundle.error().message;
  }
}

}  // namespace
}  // namespace careledger::apps
