#include "edge/http/worker_pool.h"

#include <future>

#include "edge/http/test_support.h"

namespace careledger::edge::http {
namespace {

using testing::FunctionHandler;

TEST(WorkerPool, SaysWhenItIsFull) {
  WorkerPool pool(1, 1);
  std::promise<void> go;
  std::promise<void> running;
  ASSERT_TRUE(pool.post([&] {
    running.set_value();
    go.get_future().wait();
  }));
  running.get_future().wait();
  ASSERT_TRUE(pool.post([] {}));
  FunctionHandler inner([](Request, Responder respond) { respond(text(200, "ran")); });
  Offload offload(inner, pool);
  Response answer;
  offload.handle(Request{}, [&answer](Response response) { answer = std::move(response); });
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.get("Retry-After"), "1");
  go.set_value();
  pool.stop();
  EXPECT_FALSE(pool.post([] {}));
}

}  // namespace
}  // namespace careledger::edge::http
