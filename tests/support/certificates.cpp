#include "support/certificates.hpp"

#include "support/process.hpp"

#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace pricing::test {

certificates::certificates(bool for_postgres)
    : folder(make_temporary_folder(for_postgres)),
      ca(folder / "ca.crt"),
      certificate(folder / "server.crt"),
      key(folder / "server.key") {
  const auto openssl = [&](std::vector<std::string> words) {
    const std::vector<std::string> common{
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"};
    words.insert(words.begin(), common.begin(), common.end());
    const auto log = folder.string() + ".openssl.log";
    const int status = wait_process(start_process(words, log, for_postgres));
    const auto said = read_text(log);
    std::filesystem::remove(log);
    if (status != 0)
      throw std::runtime_error("openssl failed: " + said);
  };
  const auto ca_key = (folder / "ca.key").string();
  openssl({"-keyout", ca_key, "-out", ca.string(), "-subj", "/CN=Test authority"});
  openssl({"-CA", ca.string(), "-CAkey", ca_key, "-keyout", key.string(), "-out", certificate.string(), "-subj",
           "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"});
}

certificates::~certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

int free_port() {
  const int s = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(s, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      getsockname(s, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  close(s);
  return ntohs(address.sin_port);
}

} // namespace pricing::test
