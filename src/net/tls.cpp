#include "net/tls.hpp"

#include "core/log.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <sys/stat.h>

#include <ctime>
#include <stdexcept>

namespace pricing::net {
namespace {

using namespace std::chrono_literals;
constexpr auto look_every = 1s;

bool is_address(const std::string& host) {
  boost::system::error_code ec;
  asio::ip::make_address(host, ec);
  return !ec;
}

// A volume of Kubernetes changes by a link to another folder: another file then, maybe with the same time.
std::string identity_of(const std::string& file) {
  struct stat facts {};
  if (file.empty() || ::stat(file.c_str(), &facts) != 0)
    return "-";
  return std::to_string(facts.st_ino) + ' ' + std::to_string(facts.st_size) + ' ' +
         std::to_string(facts.st_mtim.tv_sec) + '.' + std::to_string(facts.st_mtim.tv_nsec);
}

} // namespace

ssl::context make_tls_context(tls_side side, const tls_files& files) {
  ssl::context out(side == tls_side::server ? ssl::context::tls_server : ssl::context::tls_client);
  out.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 |
                  SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  // Connections are kept; resumed sessions would be certificates that nobody looks at again.
  SSL_CTX_set_session_cache_mode(out.native_handle(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(out.native_handle(), 0);
  SSL_CTX_set_mode(out.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  if (side == tls_side::server && files.certificate_file.empty())
    throw std::runtime_error("a server needs a certificate for TLS: set tls_certificate_file and tls_key_file");
  if (files.certificate_file.empty() != files.key_file.empty())
    throw std::runtime_error("tls_certificate_file and tls_key_file belong together: set both or none");
  if (!files.certificate_file.empty()) {
    out.use_certificate_chain_file(files.certificate_file);
    out.use_private_key_file(files.key_file, ssl::context::pem);
  }
  if (!files.ca_file.empty())
    out.load_verify_file(files.ca_file);
  else if (side == tls_side::client)
    out.set_default_verify_paths();
  if (side == tls_side::client)
    out.set_verify_mode(ssl::verify_peer);
  else if (!files.ca_file.empty())
    out.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  return out;
}

tls_context::tls_context(tls_side side, tls_files files)
    : side_(side),
      files_(std::move(files)),
      context_(std::make_shared<ssl::context>(make_tls_context(side_, files_))),
      loaded_(fingerprint()),
      looked_at_(std::chrono::steady_clock::now()) {}

std::string tls_context::fingerprint() const {
  return identity_of(files_.ca_file) + '|' + identity_of(files_.certificate_file) + '|' + identity_of(files_.key_file);
}

std::shared_ptr<ssl::context> tls_context::current() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_at_ < look_every)
    return context_;
  looked_at_ = now;
  const auto there = fingerprint();
  if (there == loaded_)
    return context_;
  try {
    context_ = std::make_shared<ssl::context>(make_tls_context(side_, files_));
    loaded_ = there;
    log::info("certificates read again", {{"certificate", files_.certificate_file.c_str()}});
  } catch (const std::exception& e) {
    // Seen between the writes of two files, most likely: the next look tells.
    log::warning("the changed certificates cannot be read; the old ones stay",
                 {{"certificate", files_.certificate_file.c_str()}, {"error", e.what()}});
  }
  return context_;
}

std::chrono::system_clock::time_point tls_context::expires_at() {
  const auto held = current();
  std::tm end{};
  const auto* certificate = SSL_CTX_get0_certificate(held->native_handle());
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
    return {};
  return std::chrono::system_clock::from_time_t(::timegm(&end));
}

void expect_peer(SSL* connection, const std::string& name) {
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), name.c_str());
    return;
  }
  SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SSL_set1_host(connection, name.c_str());
  SSL_set_tlsext_host_name(connection, name.c_str());
}

std::string tls_failure(SSL* connection, const boost::system::error_code& ec) {
  std::string out = ec.message();
  if (const auto verdict = SSL_get_verify_result(connection); verdict != X509_V_OK)
    out += std::string(": ") + X509_verify_cert_error_string(verdict);
  return out;
}

} // namespace pricing::net
