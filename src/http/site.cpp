#include "http/site.hpp"

#include <filesystem>
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

} // namespace

site::state::state(config c, prometheus::Registry& registry, probes p)
    : page_headers(security_headers(true, c.hsts)),
      data_headers(security_headers(false, c.hsts)),
      settings(std::move(c)),
      checks(std::move(p)),
      measured(registry, settings.version, settings.connections_max) {
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
