#pragma once
// A certificate authority of its own for one test, and a certificate of it for localhost and 127.0.0.1.
#include <filesystem>

namespace pricing::test {

struct certificates {
  // In a temporary folder that is removed at the end; for_postgres: readable to the user that PostgreSQL runs as.
  // Throws when openssl fails.
  explicit certificates(bool for_postgres);
  ~certificates();
  certificates(const certificates&) = delete;

  std::filesystem::path folder, ca, certificate, key;
};

int free_port();

} // namespace pricing::test
