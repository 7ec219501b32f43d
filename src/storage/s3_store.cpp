#include "storage/s3_store.hpp"

#include "core/clock.hpp"
#include "storage/files.hpp"
#include "storage/sha256.hpp"

#include <boost/json/parse.hpp>
#include <curl/curl.h>
#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <thread>

namespace pricing::storage {
namespace {

constexpr int tries_max = 4;
constexpr std::string_view folder_mark = "{folder}";
// Lent credentials are renewed this long before they end.
constexpr auto renew_before = std::chrono::minutes(5);

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

std::size_t write_file(char* bytes, std::size_t, std::size_t count, void* to) {
  return std::fwrite(bytes, 1, count, static_cast<std::FILE*>(to));
}

std::size_t read_file(char* into, std::size_t, std::size_t count, void* from) {
  return std::fread(into, 1, count, static_cast<std::FILE*>(from));
}

struct file_close {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using file_ptr = std::unique_ptr<std::FILE, file_close>;

file_ptr open_file(const std::filesystem::path& path, const char* how) {
  file_ptr out(std::fopen(path.c_str(), how));
  if (!out)
    throw std::system_error(errno, std::generic_category(), "storage: open " + path.string());
  return out;
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
  auto plain = out.bucket;
  if (const auto mark = plain.find(folder_mark); mark != std::string::npos)
    plain.replace(mark, folder_mark.size(), "x");
  if (out.bucket.size() < 3 || plain.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") != std::string::npos)
    return invalid_input("'" + location + "' names no bucket: write s3://bucket/prefix");
  out.credentials = {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), variable("AWS_SESSION_TOKEN")};
  out.credentials_url = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  out.credentials_token_file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  out.endpoint = variable("AWS_ENDPOINT_URL");
  for (const char* name : {"AWS_DEFAULT_REGION", "AWS_REGION"})
    if (const auto region = variable(name); !region.empty())
      out.region = region;
  if (out.credentials_url.empty() && (out.credentials.access_key.empty() || out.credentials.secret_key.empty()))
    return invalid_input("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for " + location);
  return out;
}

result<lent_credentials> parse_lent_credentials(std::string_view json) {
  boost::system::error_code ec;
  const auto parsed = boost::json::parse(json, ec);
  const auto* object = ec ? nullptr : parsed.if_object();
  const auto text = [&](const char* name) {
    const auto* found = object ? object->if_contains(name) : nullptr;
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  lent_credentials out{{text("AccessKeyId"), text("SecretAccessKey"), text("Token")}, {}};
  const auto until = text("Expiration");
  std::tm at{};
  const char* rest = until.empty() ? nullptr : ::strptime(until.c_str(), "%Y-%m-%dT%H:%M:%S", &at);
  if (out.keys.access_key.empty() || out.keys.secret_key.empty() || !rest)
    return invalid_input("the answer holds no credentials");
  out.until = std::chrono::system_clock::from_time_t(::timegm(&at));
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

std::string s3_store::bucket_of(std::string_view key) const {
  auto out = config_.bucket;
  if (const auto mark = out.find(folder_mark); mark != std::string::npos)
    out.replace(mark, folder_mark.size(), key.substr(0, key.find('/')));
  return out;
}

result<std::string> s3_store::path_of(std::string_view key) const {
  if (!is_valid_key(key))
    return invalid_input("an object's key has letters, digits, '.', '_' and '-' in parts joined by '/'");
  return fmt::format("/{}/{}{}{}", bucket_of(key), encoded(config_.prefix, true), config_.prefix.empty() ? "" : "/",
                     key);
}

result<s3_credentials> s3_store::credentials() const {
  if (!config_.credentials.access_key.empty())
    return config_.credentials;
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::system_clock::now();
  if (now < lent_until_ - renew_before)
    return lent_;
  const std::unique_ptr<CURL, curl_free> owned(curl_easy_init());
  if (!owned)
    throw std::bad_alloc();
  CURL* c = owned.get();
  std::unique_ptr<curl_slist, curl_free> headers;
  if (!config_.credentials_token_file.empty()) {
    // The file changes: the token is short-lived too.
    std::ifstream file(config_.credentials_token_file);
    std::string token;
    std::getline(file, token);
    headers.reset(curl_slist_append(nullptr, ("Authorization: " + token).c_str()));
  }
  std::string body;
  curl_easy_setopt(c, CURLOPT_URL, config_.credentials_url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
  const CURLcode rc = curl_easy_perform(c);
  auto found = rc == CURLE_OK ? parse_lent_credentials(body) : error{errc::unavailable, curl_easy_strerror(rc)};
  if (!found && now < lent_until_)
    return lent_;
  if (!found)
    return error{errc::unavailable,
                 fmt::format("no credentials from {}: {}", config_.credentials_url, found.error().message)};
  lent_ = std::move(found->keys);
  lent_until_ = found->until;
  return lent_;
}

result<s3_store::answer> s3_store::call(const request& r) const {
  const auto url = config_.endpoint + r.path + (r.query.empty() ? "" : "?" + r.query);
  const auto signed_as = "aws:amz:" + config_.region + ":s3";
  const auto keys = credentials();
  if (!keys)
    return keys.error();
  const auto user = keys->access_key + ":" + keys->secret_key;
  const auto of_file = r.from.empty() ? result<std::string>("") : sha256_of_file(r.from);
  if (!of_file)
    return of_file.error();
  const auto hash = r.from.empty() ? sha256_hex(r.body) : hex(*of_file);
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
    add("x-amz-content-sha256: " + hash);
    if (!keys->session_token.empty())
      add("x-amz-security-token: " + keys->session_token);
    add("Expect:");
    char why[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(c, CURLOPT_URL, url.c_str());
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_AWS_SIGV4, signed_as.c_str());
    curl_easy_setopt(c, CURLOPT_USERPWD, user.c_str());
    curl_easy_setopt(c, CURLOPT_TIMEOUT, static_cast<long>(config_.timeout_s));
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    const auto to = r.to.empty() ? nullptr : open_file(r.to, "wb");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, to ? write_file : take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, to ? static_cast<void*>(to.get()) : &out.body);
    const std::string_view verb = r.verb;
    file_ptr from;
    if (verb == "PUT")
      add("Content-Type: application/octet-stream");
    if (!r.from.empty()) {
      from = open_file(r.from, "rb");
      curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(c, CURLOPT_READFUNCTION, read_file);
      curl_easy_setopt(c, CURLOPT_READDATA, from.get());
      curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(std::filesystem::file_size(r.from)));
    } else if (verb == "PUT") {
      curl_easy_setopt(c, CURLOPT_POSTFIELDS, r.body.data());
      curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(r.body.size()));
    }
    if (verb == "HEAD")
      curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else
      curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r.verb);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
    CURLcode rc = curl_easy_perform(c);
    if (to && std::fflush(to.get()) != 0)
      rc = CURLE_WRITE_ERROR;
    long status = 0;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_off_t length = 0;
    curl_easy_getinfo(c, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    out.status = static_cast<int>(status);
    out.length = length > 0 ? static_cast<std::uint64_t>(length) : 0;
    if (rc == CURLE_OK && status < 500 && status != 429) {
      if (to && status >= 300)
        out.body = text_of_file(r.to, 1000);
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
  const auto done = call({.verb = "PUT", .path = *path, .body = bytes});
  if (!done)
    return done.error();
  if (done->status != 200)
    return error{errc::unavailable, fmt::format("{} was not stored: HTTP {}", key, done->status)};
  return {};
}

result<void> s3_store::put_file(std::string_view key, const fill_function& fill) {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  const auto file = temporary_file();
  if (const auto filled = fill(file.path); !filled)
    return filled.error();
  const auto done = call({.verb = "PUT", .path = *path, .from = file.path});
  if (!done)
    return done.error();
  if (done->status != 200)
    return error{errc::unavailable, fmt::format("{} was not stored: HTTP {}", key, done->status)};
  return {};
}

result<local_file> s3_store::get_file(std::string_view key) const {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  auto file = temporary_file();
  const auto found = call({.verb = "GET", .path = *path, .to = file.path});
  if (!found)
    return found.error();
  if (found->status != 200)
    return not_found("there is no object '" + std::string(key) + "'");
  return file;
}

result<std::string> s3_store::get(std::string_view key) const {
  const auto path = path_of(key);
  if (!path)
    return path.error();
  auto found = call({.verb = "GET", .path = *path});
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
  const auto found = call({.verb = "HEAD", .path = *path});
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
  const auto done = call({.verb = "DELETE", .path = *path});
  if (!done)
    return done.error();
  return {};
}

result<std::vector<std::string>> s3_store::list(std::string_view prefix) const {
  if (!is_valid_key(prefix))
    return invalid_input("'" + std::string(prefix) + "' is not the name of a folder");
  const auto before = config_.prefix.empty() ? std::string() : config_.prefix + "/";
  std::vector<std::string> out;
  for (std::string token;;) {
    // In the order of the names, as they are signed.
    std::string query = token.empty() ? "" : "continuation-token=" + encoded(token, false) + "&";
    query += "list-type=2&prefix=" + encoded(fmt::format("{}{}/", before, prefix), false);
    const auto found = call({.verb = "GET", .path = "/" + bucket_of(prefix), .query = query});
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

} // namespace pricing::storage
