#include "operations/web_probe.hpp"

#include <curl/curl.h>

#include <memory>
#include <stdexcept>
#include <string_view>

namespace pricing::operations {
namespace {

struct cleanup {
  void operator()(CURL* c) const { curl_easy_cleanup(c); }
};

struct sink {
  std::string& body;
  std::size_t most;
};

std::size_t take(char* bytes, std::size_t, std::size_t count, void* to) {
  auto& out = *static_cast<sink*>(to);
  if (out.body.size() + count > out.most)
    return 0; // ends the transfer
  out.body.append(bytes, count);
  return count;
}

std::optional<std::chrono::sys_seconds> earliest_expiry(CURL* c) {
  curl_certinfo* chain = nullptr;
  if (curl_easy_getinfo(c, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain)
    return std::nullopt;
  std::optional<std::chrono::sys_seconds> out;
  for (int i = 0; i < chain->num_of_certs; ++i)
    for (const auto* line = chain->certinfo[i]; line; line = line->next) {
      constexpr std::string_view label = "Expire date:";
      const std::string_view text(line->data);
      if (!text.starts_with(label))
        continue;
      const std::time_t at = curl_getdate(line->data + label.size(), nullptr);
      const std::chrono::sys_seconds expires{std::chrono::seconds(at)};
      if (at > 0 && (!out || expires < *out))
        out = expires;
    }
  return out;
}

} // namespace

probe_answer probe(const probe_request& r) {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  const std::unique_ptr<CURL, cleanup> owned(ready ? curl_easy_init() : nullptr);
  if (!owned)
    throw std::runtime_error("the HTTP client cannot be set up");
  CURL* c = owned.get();
  probe_answer out;
  sink into{out.body, r.body_max};
  char why[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(c, CURLOPT_URL, r.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(c, CURLOPT_MAXREDIRS, 3L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(r.timeout.count()));
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_CERTINFO, 1L);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "pricing-ctl");
  curl_easy_setopt(c, CURLOPT_HTTP09_ALLOWED, 0L);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &into);
  if (!r.ca_file.empty())
    curl_easy_setopt(c, CURLOPT_CAINFO, r.ca_file.c_str());

  const CURLcode rc = curl_easy_perform(c);
  curl_off_t took_us = 0;
  curl_easy_getinfo(c, CURLINFO_TOTAL_TIME_T, &took_us);
  out.duration_ms = static_cast<double>(took_us) / 1000.0;
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  out.status = static_cast<int>(status);
  const char* url = nullptr;
  if (curl_easy_getinfo(c, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url)
    out.final_url = url;
  out.certificate_expires = earliest_expiry(c);
  if (rc != CURLE_OK) {
    out.failure = *why ? why : curl_easy_strerror(rc);
    out.is_timeout = rc == CURLE_OPERATION_TIMEDOUT;
    if (rc == CURLE_WRITE_ERROR)
      out.failure = "the answer is longer than " + std::to_string(r.body_max) + " bytes";
    out.status = 0;
  }
  return out;
}

} // namespace pricing::operations
