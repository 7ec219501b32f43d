#pragma once
// A certificate authority of its own for one test, and a certificate of it for localhost and 127.0.0.1.
#include <filesystem>
#include <string>
#include <vector>

namespace pricing::test {

struct certificates {
  // In a temporary folder that is removed at the end; for_postgres: readable to the user that PostgreSQL runs as.
  // Throws when openssl fails.
  explicit certificates(bool for_postgres);
  ~certificates();
  certificates(const certificates&) = delete;

  struct pair {
    std::filesystem::path certificate, key;
  };
  // Another one of this authority: its names as openssl writes them ("DNS:a.example,IP:127.0.0.1"), for so many days
  // from now; -1: it has just ended. Files of the same stem are replaced.
  pair issue(const std::string& stem, const std::string& names, int days = 2) const;

  std::filesystem::path folder, ca, certificate, key;

 private:
  void openssl(const std::vector<std::string>& words) const;
  bool for_postgres_;
};

int free_port();

} // namespace pricing::test
