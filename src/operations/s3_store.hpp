#pragma once
// An object store in an S3 bucket, by libcurl with AWS signature version 4. Blocking; for tools, not for event loops.
//
// Credentials and place as the AWS tools read them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
// AWS_REGION (or AWS_DEFAULT_REGION), AWS_ENDPOINT_URL for another server than Amazon's.
#include "storage/object_store.hpp"

namespace pricing::operations {

struct s3_config {
  std::string bucket, prefix; // keys stand below the prefix
  std::string access_key, secret_key, session_token;
  std::string region = "us-east-1";
  std::string endpoint; // https://s3.<region>.amazonaws.com when empty
  int timeout_s = 300;  // of one request
};

// "s3://bucket/prefix" with the environment's credentials; invalid_input names what is missing.
result<s3_config> parse_s3_location(const std::string& location);

class s3_store final : public storage::object_store {
 public:
  explicit s3_store(s3_config c);
  // Whole or absent, checked by the server against its SHA-256; tried again a few times when the server is away.
  result<void> put(std::string_view key, std::string_view bytes) override;
  result<std::string> get(std::string_view key) const override;
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
  result<answer> call(const char* verb, const std::string& path, const std::string& query, std::string_view body) const;
  result<std::string> path_of(std::string_view key) const;

  s3_config config_;
};

// One page of ListObjectsV2. invalid_input when it is not one.
struct s3_page {
  std::vector<std::string> keys;
  std::string continuation; // empty at the end
};
result<s3_page> parse_s3_page(std::string_view xml);

} // namespace pricing::operations
