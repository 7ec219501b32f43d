#include "support/redis_server.hpp"

#include "support/process.hpp"

#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace pricing::test {
namespace {

bool answers(const std::string& path) {
  const int s = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const bool connected = connect(s, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(s);
  return connected;
}

} // namespace

redis_server& redis_server::instance() {
  static redis_server server;
  return server;
}

redis_server::redis_server() : folder_(make_temporary_folder(false)) {
  start();
}

void redis_server::start() {
  pid_ =
      start_process({"redis-server", "--port", "0", "--unixsocket", socket(), "--save", "", "--dir", folder_.string()},
                    folder_ / "log", false);
  for (int tries = 0; !answers(socket()); ++tries) {
    if (tries > 300)
      throw std::runtime_error("redis-server did not start: " + read_text(folder_ / "log"));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void redis_server::restart() {
  stop_process(pid_, SIGTERM);
  start();
}

redis_server::~redis_server() {
  stop_process(pid_, SIGTERM);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

} // namespace pricing::test
