#include "http/site.hpp"

#include "core/log.hpp"

#include <filesystem>
#include <stdexcept>
#include <sys/resource.h>
#include <unistd.h>

namespace pricing::http {

namespace {

std::string security_headers(bool page, bool hsts) {
  std::string out = page ? "Content-Security-Policy: default-src 'self'; script-src 'self'; style-src 'self' "
                           "'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
                           "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'\r\n"
                           "X-Frame-Options: DENY\r\n"
                           "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n"
                           "Cross-Origin-Opener-Policy: same-origin\r\n"
                         : "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";
  out += "X-Content-Type-Options: nosniff\r\nReferrer-Policy: strict-origin-when-cross-origin\r\n";
  if (hsts)
    out += "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n";
  return out;
}

// Out of descriptors nobody could even be refused, so there are fewer connections then. The hard limit is what counts:
// the soft one is meant for programs that use select().
config fitted(config c) {
  constexpr rlim_t others = 256; // files, database, Redis, other services
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0)
    return c;
  if (files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    ::getrlimit(RLIMIT_NOFILE, &files);
  }
  const rlim_t most = files.rlim_cur > 2 * others ? files.rlim_cur - others : others;
  if (c.connections_max > most) {
    log::warning("fewer connections than configured: the limit of open files is too low",
                 {{"connections_max", c.connections_max}, {"possible", most}});
    c.connections_max = static_cast<unsigned>(most);
  }
  return c;
}

std::unique_ptr<net::tls_context> tls_of(const config& c) {
  const bool has_files = !c.tls_certificate_file.empty() && !c.tls_key_file.empty();
  if (has_files != (c.tls_port != 0))
    throw std::runtime_error("configuration: TLS needs http.tls_port, http.tls_certificate_file and http.tls_key_file");
  if (!has_files)
    return nullptr;
  return std::make_unique<net::tls_context>(net::tls_side::server,
                                            net::tls_files{.ca_file = c.tls_client_ca_file,
                                                           .certificate_file = c.tls_certificate_file,
                                                           .key_file = c.tls_key_file});
}

} // namespace

site::state::state(config c, prometheus::Registry& registry, probes p)
    : page_headers(security_headers(true, c.hsts)),
      data_headers(security_headers(false, c.hsts)),
      settings(fitted(std::move(c))),
      checks(std::move(p)),
      measured(registry, settings.version, settings.connections_max),
      tls(tls_of(settings)) {
  if (!settings.static_root.empty())
    files.load(settings.static_root, settings.static_folder);
}

std::string site::state::temp_file_name() {
  const auto folder = settings.temp_folder.empty() ? std::filesystem::temp_directory_path()
                                                   : std::filesystem::path(settings.temp_folder);
  return (folder / ("pricing-body-" + std::to_string(::getpid()) + "-" + std::to_string(++temp_files_))).string();
}

std::shared_ptr<const std::string> site::state::openapi(const router& r) {
  const std::lock_guard lock(openapi_mutex_);
  if (!openapi_)
    openapi_ = std::make_shared<const std::string>(r.openapi(settings.title, settings.version));
  return openapi_;
}

site::site(config c, prometheus::Registry& registry, probes p)
    : state_(std::make_unique<state>(std::move(c), registry, std::move(p))) {}
site::~site() = default;

void site::set_started() {
  state_->started = true;
}

void site::set_stopping() {
  state_->stopping = true;
}

} // namespace pricing::http
