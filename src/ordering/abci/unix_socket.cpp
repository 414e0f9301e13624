#include "ordering/abci/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace careledger::ordering::abci {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* plain(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast): as the socket API has it
}

int close_and_fail(int fd) {
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

}  // namespace

static_assert(kSocketNameMax + 1 == sizeof(sockaddr_un::sun_path));

bool is_socket_name(const std::string& path) { return !path.empty() && path.size() <= kSocketNameMax; }

int connect_to(const std::string& path, std::chrono::milliseconds longest) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(longest);
  const timeval wait{seconds.count(), std::chrono::microseconds(longest - seconds).count()};
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0) return close_and_fail(fd);
  const sockaddr_un address = address_of(path);
  if (::connect(fd, plain(address), sizeof(address)) != 0) return close_and_fail(fd);
  return fd;
}

// The mode is set on the descriptor before the name exists, so that at no moment anybody else could connect.
int bind_to(const std::string& path, int backlog) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const sockaddr_un address = address_of(path);
  if (::fchmod(fd, 0600) != 0 || ::bind(fd, plain(address), sizeof(address)) != 0 || ::listen(fd, backlog) != 0) return close_and_fail(fd);
  return fd;
}

bool is_of_our_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

bool send_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

ssize_t receive_some(int fd, char* to, std::size_t count) {
  for (;;) {
    const ssize_t got = ::recv(fd, to, count, 0);
    if (got >= 0 || errno != EINTR) return got;
  }
}

}  // namespace careledger::ordering::abci
