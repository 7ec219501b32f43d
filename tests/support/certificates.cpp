#include "support/certificates.hpp"

#include "support/process.hpp"

#include <algorithm>
#include <chrono>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace pricing::test {

namespace {

const std::vector<std::string> elliptic{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"};

} // namespace

certificates::certificates(bool for_postgres)
    : folder(make_temporary_folder(for_postgres)), ca(folder / "ca.crt"), for_postgres_(for_postgres) {
  std::vector<std::string> words{"req", "-x509", "-days", "2"};
  words.insert(words.end(), elliptic.begin(), elliptic.end());
  words.insert(words.end(), {"-keyout", folder / "ca.key", "-out", ca, "-subj", "/CN=Test authority"});
  openssl(words);
  const auto own = issue("server", "DNS:localhost,IP:127.0.0.1");
  certificate = own.certificate;
  key = own.key;
}

void certificates::openssl(const std::vector<std::string>& words) const {
  auto all = words;
  all.insert(all.begin(), "openssl");
  const auto log = folder.string() + ".openssl.log";
  const int status = wait_process(start_process(all, log, for_postgres_));
  const auto said = read_text(log);
  std::filesystem::remove(log);
  if (status != 0)
    throw std::runtime_error("openssl failed: " + said);
}

certificates::pair certificates::issue(const std::string& stem, const std::string& names, int days) const {
  pair out{folder / (stem + ".crt"), folder / (stem + ".key")};
  const auto request = (folder / (stem + ".csr")).string();
  std::vector<std::string> words{"req"};
  words.insert(words.end(), elliptic.begin(), elliptic.end());
  words.insert(words.end(),
               {"-keyout", out.key, "-out", request, "-subj", "/CN=" + stem, "-addext", "subjectAltName=" + names});
  openssl(words);
  openssl({"x509", "-req", "-in", request, "-CA", ca, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days",
           std::to_string(std::max(days, 0)), "-copy_extensions", "copy", "-out", out.certificate});
  // OpenSSL 3.4 makes none that ends before it begins, so one of no day is waited out: its times are whole seconds.
  if (days < 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1'100));
  return out;
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
