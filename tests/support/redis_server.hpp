#pragma once
// A private Redis for one test binary, on a Unix socket in a temporary folder, stopped and removed at exit.
#include <filesystem>
#include <string>

namespace pricing::test {

class redis_server {
 public:
  static redis_server& instance(); // started on first use
  std::string socket() const { return (folder_ / "redis.sock").string(); }
  void restart(); // forgets all data
  ~redis_server();
  redis_server(const redis_server&) = delete;

 private:
  redis_server();
  void start();
  std::filesystem::path folder_;
  int pid_ = 0;
};

} // namespace pricing::test
