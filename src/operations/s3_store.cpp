#include "operations/s3_store.hpp"

#include "operations/sealed_stream.hpp"

#include <curl/curl.h>
#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>

namespace pricing::operations {
namespace {

constexpr int tries_max = 4;

// As a signature's canonical request wants it: RFC 3986, in a path without the slashes.
std::string encoded(std::string_view text, bool keep_slashes) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || (c == '/' && keep_slashes);
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::size_t take(char* bytes, std::size_t, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(bytes, count);
  return count;
}

struct curl_free {
  void operator()(CURL* c) const { curl_easy_cleanup(c); }
  void operator()(curl_slist* l) const { curl_slist_free_all(l); }
};

struct page_reader {
  s3_page page;
  std::string text, root;
};

void open_element(void* to, const char* name, const char**) {
  auto& r = *static_cast<page_reader*>(to);
  if (r.root.empty())
    r.root = name;
  r.text.clear();
}
void add_text(void* to, const char* bytes, int count) {
  static_cast<page_reader*>(to)->text.append(bytes, static_cast<std::size_t>(count));
}
void close_element(void* to, const char* element) {
  auto& r = *static_cast<page_reader*>(to);
  const std::string_view name = element;
  if (name == "Key")
    r.page.keys.push_back(r.text);
  else if (name == "NextContinuationToken")
    r.page.continuation = r.text;
  r.text.clear();
}

} // namespace

result<s3_page> parse_s3_page(std::string_view xml) {
  const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(XML_ParserCreate(nullptr), XML_ParserFree);
  page_reader out;
  XML_SetUserData(parser.get(), &out);
  XML_SetElementHandler(parser.get(), open_element, close_element);
  XML_SetCharacterDataHandler(parser.get(), add_text);
  if (XML_Parse(parser.get(), xml.data(), static_cast<int>(xml.size()), 1) != XML_STATUS_OK ||
      out.root != "ListBucketResult")
    return invalid_input("the answer is not a list of objects");
  return std::move(out.page);
}

result<s3_config> parse_s3_location(const std::string& location) {
  std::string_view rest = location;
  if (!rest.starts_with("s3://"))
    return invalid_input("'" + location + "' is not s3://bucket/prefix");
  rest.remove_prefix(5);
  s3_config out;
  out.bucket = rest.substr(0, rest.find('/'));
  if (rest.size() > out.bucket.size())
    out.prefix = rest.substr(out.bucket.size() + 1);
  while (out.prefix.ends_with('/'))
    out.prefix.pop_back();
  if (out.bucket.size() < 3 ||
      out.bucket.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != std::string::npos)
    return invalid_input("'" + location + "' names no bucket: write s3://bucket/prefix");
  out.access_key = variable("AWS_ACCESS_KEY_ID");
  out.secret_key = variable("AWS_SECRET_ACCESS_KEY");
  out.session_token = variable("AWS_SESSION_TOKEN");
  out.endpoint = variable("AWS_ENDPOINT_URL");
  for (const char* name : {"AWS_DEFAULT_REGION", "AWS_REGION"})
    if (const auto region = variable(name); !region.empty())
      out.region = region;
  if (out.access_key.empty() || out.secret_key.empty())
    return invalid_input("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for " + location);
  return out;
}

s3_store::s3_store(s3_config c) : config_(std::move(c)) {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (!ready)
    throw std::runtime_error("the HTTP client cannot be set up");
  if (config_.endpoint.empty())
    config_.endpoint = "https://s3." + config_.region + ".amazonaws.com";
  while (config_.endpoint.ends_with('/'))
    config_.endpoint.pop_back();
}

result<std::string> s3_store::path_of(std::string_view key) const {
  if (!storage::is_valid_key(key))
    return invalid_input("an object's key has letters, digits, '.', '_' and '-' in parts joined by '/'");
  return fmt::format("/{}/{}{}{}", config_.bucket, encoded(config_.prefix, true), config_.prefix.empty() ? "" : "/",
                     key);
}

result<s3_store::answer> s3_store::call(const char* verb, const std::string& path, const std::string& query,
                                        std::string_view body) const {
  const auto url = config_.endpoint + path + (query.empty() ? "" : "?" + query);
  const auto signed_as = "aws:amz:" + config_.region + ":s3";
  const auto credentials = config_.access_key + ":" + config_.secret_key;
  std::string failure;
  for (int attempt = 1;; ++attempt) {
    const std::unique_ptr<CURL, curl_free> owned(curl_easy_init());
    CURL* c = owned.get();
    if (!c)
      throw std::bad_alloc();
    answer out;
    std::unique_ptr<curl_slist, curl_free> headers;
    const auto add = [&](const std::string& header) {
      headers.reset(curl_slist_append(headers.release(), header.c_str()));
    };
    add("x-amz-content-sha256: " + sha256_hex(body));
    if (!config_.session_token.empty())
      add("x-amz-security-token: " + config_.session_token);
    add("Expect:");
    char why[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(c, CURLOPT_URL, url.c_str());
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_AWS_SIGV4, signed_as.c_str());
    curl_easy_setopt(c, CURLOPT_USERPWD, credentials.c_str());
    curl_easy_setopt(c, CURLOPT_TIMEOUT, static_cast<long>(config_.timeout_s));
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &out.body);
    const std::string_view v = verb;
    if (v == "PUT") {
      add("Content-Type: application/octet-stream");
      curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.data());
      curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    }
    if (v == "HEAD")
      curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else
      curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, verb);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
    const CURLcode rc = curl_easy_perform(c);
    long status = 0;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_off_t length = 0;
    curl_easy_getinfo(c, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    out.status = static_cast<int>(status);
    out.length = length > 0 ? static_cast<std::uint64_t>(length) : 0;
    if (rc == CURLE_OK && status < 500 && status != 429) {
      const bool absent = status == 404 && out.body.find("NoSuchBucket") == std::string::npos;
      if (status < 300 || absent)
        return out;
      return error{errc::forbidden, fmt::format("{} {}: HTTP {}: {}", verb, url, status, out.body.substr(0, 300))};
    }
    failure = rc == CURLE_OK ? fmt::format("HTTP {}", status) : *why ? why : curl_easy_strerror(rc);
    if (attempt == tries_max)
      return error{errc::unavailable, fmt::format("{} {}: {}", verb, url, failure)};
    std::this_thread::sleep_for(std::chrono::milliseconds(200 << attempt));
  }
}

result<void> s3_store::put(std::string_view key, std::string_view bytes) {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  const auto done = call("PUT", *path, {}, bytes);
  if (!done)
    return done.error();
  if (done->status != 200)
    return error{errc::unavailable, fmt::format("{} was not stored: HTTP {}", key, done->status)};
  return {};
}

result<std::string> s3_store::get(std::string_view key) const {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  auto found = call("GET", *path, {}, {});
  if (!found)
    return found.error();
  if (found->status != 200)
    return not_found("there is no object '" + std::string(key) + "'");
  return std::move(found->body);
}

result<std::uint64_t> s3_store::size(std::string_view key) const {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  const auto found = call("HEAD", *path, {}, {});
  if (!found)
    return found.error();
  if (found->status != 200)
    return not_found("there is no object '" + std::string(key) + "'");
  return found->length;
}

result<bool> s3_store::exists(std::string_view key) const {
  const auto found = size(key);
  if (!found && found.error().code != errc::not_found)
    return found.error();
  return found.has_value();
}

result<void> s3_store::remove(std::string_view key) {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  const auto done = call("DELETE", *path, {}, {});
  if (!done)
    return done.error();
  return {};
}

result<std::vector<std::string>> s3_store::list(std::string_view prefix) const {
  if (!storage::is_valid_key(prefix))
    return invalid_input("'" + std::string(prefix) + "' is not the name of a folder");
  const auto before = config_.prefix.empty() ? std::string() : config_.prefix + "/";
  std::vector<std::string> out;
  for (std::string token;;) {
    // In the order of the names, as they are signed.
    std::string query = token.empty() ? "" : "continuation-token=" + encoded(token, false) + "&";
    query += "list-type=2&prefix=" + encoded(fmt::format("{}{}/", before, prefix), false);
    const auto found = call("GET", "/" + config_.bucket, query, {});
    if (!found)
      return found.error();
    const auto page = parse_s3_page(found->body);
    if (!page)
      return page.error();
    for (const auto& key : page->keys)
      if (key.starts_with(before))
        out.push_back(key.substr(before.size()));
    if (page->continuation.empty())
      break;
    token = page->continuation;
  }
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace pricing::operations
