#pragma once
// An object store in S3 buckets, by libcurl with AWS signature version 4. Blocking; for the CPU pool, jobs and tools.
//
// Place and credentials as the AWS tools read them: AWS_REGION (or AWS_DEFAULT_REGION), AWS_ENDPOINT_URL for another
// server than Amazon's; AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or, as a pod of EKS is given
// them, AWS_CONTAINER_CREDENTIALS_FULL_URI with AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, asked again before they end.
#include "storage/object_store.hpp"

#include <chrono>
#include <mutex>

namespace pricing::storage {

struct s3_credentials {
  std::string access_key, secret_key, session_token;
};

struct s3_config {
  std::string bucket; // "{folder}" in it stands for a key's first part: a bucket for each kind of object
  std::string prefix; // keys stand below it
  s3_credentials credentials;
  std::string credentials_url, credentials_token_file; // where they come from otherwise
  std::string region = "us-east-1";
  std::string endpoint; // https://s3.<region>.amazonaws.com when empty
  int timeout_s = 300;  // of one request
};

// "s3://bucket/prefix" with the environment's credentials; invalid_input names what is missing.
result<s3_config> parse_s3_location(const std::string& location);

class s3_store final : public object_store {
 public:
  explicit s3_store(s3_config c);
  // Whole or absent, checked by the server against its SHA-256; tried again a few times when the server is away.
  result<void> put(std::string_view key, std::string_view bytes) override;
  // Through a temporary file, streamed: at most 5 GB, the limit of one request.
  result<void> put_file(std::string_view key, const fill_function& fill) override;
  result<std::string> get(std::string_view key) const override;
  result<local_file> get_file(std::string_view key) const override;
  result<bool> exists(std::string_view key) const override;
  result<std::uint64_t> size(std::string_view key) const override;
  result<void> remove(std::string_view key) override;
  result<std::vector<std::string>> list(std::string_view prefix) const override;

 private:
  struct answer {
    int status = 0;
    std::string body;
    std::uint64_t length = 0; // Content-Length
  };
  struct request {
    const char* verb;
    std::string path, query{};
    std::string_view body{};
    std::filesystem::path from{}, to{}; // files instead of the body and of the answer's
  };
  result<answer> call(const request& r) const;
  result<s3_credentials> credentials() const;
  result<std::string> path_of(std::string_view key) const;
  std::string bucket_of(std::string_view key) const;

  s3_config config_;
  mutable std::mutex mutex_; // of what follows
  mutable s3_credentials lent_;
  mutable std::chrono::system_clock::time_point lent_until_{};
};

// One page of ListObjectsV2. invalid_input when it is not one.
struct s3_page {
  std::vector<std::string> keys;
  std::string continuation; // empty at the end
};
result<s3_page> parse_s3_page(std::string_view xml);

// What the credentials' address answers: AccessKeyId, SecretAccessKey, Token, Expiration.
struct lent_credentials {
  s3_credentials keys;
  std::chrono::system_clock::time_point until;
};
result<lent_credentials> parse_lent_credentials(std::string_view json);

} // namespace pricing::storage
