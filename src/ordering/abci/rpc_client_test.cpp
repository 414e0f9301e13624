// The engine's RPC, played by a socket that answers, ends, or says nothing.
#include "ordering/abci/rpc_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <thread>

#include "ordering/abci/unix_socket.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

class RpcClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/careledger-rpc-XXXXXX";
    folder = ::mkdtemp(pattern);
    path = folder + "/rpc.sock";
    listener = std::make_unique<Descriptor>(bind_to(path, 8));
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  // The other side of one connection: answers so many requests, then closes, or reads on and says nothing.
  std::thread serve(int requests, bool stays = false) {
    return std::thread([this, requests, stays] {
      int fd = -1;
      while ((fd = ::accept(listener->get(), nullptr, nullptr)) < 0) std::this_thread::yield();
      const Descriptor line(fd);
      char buffer[4096];
      for (int i = 0; i < requests; ++i) {
        if (receive_some(fd, buffer, sizeof(buffer)) <= 0) return;
        send_all(fd, kAnswer);
      }
      while (stays && receive_some(fd, buffer, sizeof(buffer)) > 0) {
      }
    });
  }

  std::string folder, path;
  std::unique_ptr<Descriptor> listener;
};

TEST_F(RpcClientTest, AConnectionIsKeptAndANewOneMadeWhenItWasClosed) {
  RpcClient client(path);
  std::thread first = serve(2);
  EXPECT_EQ(*client.get("/status"), "hi");
  EXPECT_EQ(*client.get("/status"), "hi");
  first.join();
  std::thread second = serve(1);
  EXPECT_EQ(*client.post_form("/broadcast_tx_async", "tx=0x00"), "hi");
  second.join();
}

TEST_F(RpcClientTest, NobodyThereIsUnavailable) {
  listener.reset();
  EXPECT_EQ(RpcClient(path).get("/status").error().kind, ErrorKind::unavailable);
}

// Connected, kept, and then silent: on the old connection and on a new one together it takes no longer than was said.
TEST_F(RpcClientTest, ACallTakesNoLongerThanWasSaid) {
  constexpr std::chrono::milliseconds kLongest(5000);
  RpcClient client(path, kLongest);
  std::thread silent = serve(1, true);
  EXPECT_EQ(*client.get("/status"), "hi");
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(client.get("/status").error().kind, ErrorKind::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2 * kLongest);
  silent.join();
}

}  // namespace
}  // namespace careledger::ordering::abci
