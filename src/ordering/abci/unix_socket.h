// Sockets with names in the file system. For src/ordering/abci alone; errors are errno's.
#pragma once

#include <chrono>
#include <string>

#include "base/bytes.h"
#include "base/descriptor.h"

namespace careledger::ordering::abci {

inline constexpr std::size_t kSocketNameMax = 107;  // bytes

bool is_socket_name(const std::string& path);
// A descriptor; -1 when nobody answers there, within `longest` (0: however long) when so many others knock.
int connect_to(const std::string& path, std::chrono::milliseconds longest = {});
int bind_to(const std::string& path, int backlog);          // a listening descriptor with mode 0600; -1
bool is_of_our_user(int fd);                                // the process at the other end
bool send_all(int fd, ByteView bytes);                      // false: the other end is gone
ssize_t receive_some(int fd, char* to, std::size_t count);  // 0: closed; below 0: an error

}  // namespace careledger::ordering::abci
