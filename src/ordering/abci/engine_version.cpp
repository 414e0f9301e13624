#include "ordering/abci/engine_version.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/descriptor.h"
#include "base/printable.h"
#include "codec/json/json.h"
#include "ordering/abci/application.h"
#include "ordering/abci/engine_process.h"

namespace careledger::ordering::abci {
namespace {

constexpr std::size_t kVersionBytesMax = 1000;

struct Spawning {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  Spawning() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  ~Spawning() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  Spawning(const Spawning&) = delete;
  Spawning& operator=(const Spawning&) = delete;
};

// As the engine itself is started: nothing of ours but the place for its words.
int spawn_version(const std::string& program, int words, pid_t& child) {
  Spawning how;
  posix_spawn_file_actions_addopen(&how.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&how.files, words, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&how.files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&how.files, STDERR_FILENO + 1);
  sigset_t none;
  ::sigemptyset(&none);
  posix_spawnattr_setsigmask(&how.attributes, &none);
  posix_spawnattr_setflags(&how.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  std::string name = "cometbft", verb = "version", flag = "--verbose";
  std::string path = "PATH=/usr/local/bin:/usr/bin:/bin", home = "HOME=/nonexistent";
  std::array<char*, 4> arguments = {name.data(), verb.data(), flag.data(), nullptr};
  std::array<char*, 3> environment = {path.data(), home.data(), nullptr};
  return ::posix_spawn(&child, program.c_str(), &how.files, &how.attributes, arguments.data(), environment.data());
}

using Moment = std::chrono::steady_clock::time_point;

// Whether there is something to read before the end.
bool await(int descriptor, Moment end) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd watched{descriptor, POLLIN, 0};
    const int news = ::poll(&watched, 1, static_cast<int>(left.count()));
    if (news >= 0 || errno != EINTR) return news > 0;
  }
}

// Its words until it closes its output; false: not in time.
bool read_words(int from, Moment end, std::string& words) {
  std::array<char, kVersionBytesMax> part{};
  for (;;) {
    if (!await(from, end)) return false;
    const ssize_t count = ::read(from, part.data(), part.size());
    if (count <= 0) return true;
    words.append(part.data(), std::min(static_cast<std::size_t>(count), kVersionBytesMax - words.size()));
  }
}

// A program may close its output and live on. False: not in time.
bool await_end(pid_t child, Moment end) {
  const Descriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));  // the C library's own is not for C++ yet
  return ended.get() >= 0 && await(ended.get(), end);
}

}  // namespace

Result<careledger::abci::RequestInfo> parse_engine_version(ByteView text) {
  CARELEDGER_TRY(const codec::json::Document document, codec::json::parse(text));
  const codec::json::Value& said = document.root();
  const codec::json::Value* protocol = said.find("block_protocol");
  const std::string_view number = protocol != nullptr && protocol->is_number() ? protocol->text() : std::string_view();
  std::uint64_t blocks = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), blocks);
  if (number.empty() || error != std::errc() || end != number.data() + number.size() || said.string_at("abci").empty())
    return fail(ErrorKind::malformed, "the engine's version names no protocols");
  careledger::abci::RequestInfo asked;
  asked.set_version(std::string(said.string_at("cometbft")));
  asked.set_abci_version(std::string(said.string_at("abci")));
  asked.set_block_version(blocks);
  return asked;
}

Result<void> check_engine_version(const std::string& program, std::chrono::milliseconds patience) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(ErrorKind::unavailable, "no pipe to the engine: " + std::string(std::strerror(errno)));
  const Descriptor from(ends[0]);
  pid_t child = 0;
  int error = 0;
  {
    const Descriptor into(ends[1]);
    error = spawn_version(program, into.get(), child);
  }
  if (error != 0) return fail(ErrorKind::not_found, "the engine " + program + " cannot be started: " + std::strerror(error));
  std::string words;
  const Moment end = std::chrono::steady_clock::now() + patience;
  const bool ended = read_words(from.get(), end, words) && await_end(child, end);
  if (!ended) ::kill(-child, SIGKILL);  // with whatever it started: it has a session of its own
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) return fail(ErrorKind::unavailable, "the engine " + program + " did not say its version in time");
  const auto said = parse_engine_version(words);
  if (status == 0 && said) return check_engine(*said);
  words = words.substr(0, words.find('\n'));
  return fail(ErrorKind::unsupported, program + " is no engine that this program works with (" + kEngineName +
                                          " is one): asked for its version it says \"" + printable(words) + "\"");
}

}  // namespace careledger::ordering::abci
