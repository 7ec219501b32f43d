// What needs no server; tests/infrastructure runs the product on one.
#include "storage/s3_store.hpp"

#include "support/process.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace pricing::storage {
namespace {

TEST(s3_store, reads_a_page_of_keys) {
  const auto page =
      parse_s3_page(R"(<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
    <Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>1/x=</NextContinuationToken>
    <Contents><Key>p/a&amp;b</Key><Size>1</Size></Contents><Contents><Key>p/c</Key></Contents></ListBucketResult>)");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->keys, (std::vector<std::string>{"p/a&b", "p/c"}));
  EXPECT_EQ(page->continuation, "1/x=");
  for (const auto* wrong : {"", "<html></html>", "<ListBucketResult>", "{}"})
    EXPECT_FALSE(parse_s3_page(wrong)) << wrong;
}

TEST(s3_store, needs_a_bucket_and_credentials) {
  ::setenv("AWS_ACCESS_KEY_ID", "a", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "b", 1);
  const auto c = parse_s3_location("s3://bucket/some/prefix/");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->bucket, "bucket");
  EXPECT_EQ(c->prefix, "some/prefix");
  EXPECT_TRUE(parse_s3_location("s3://pricing-{folder}"));
  for (const auto* wrong : {"s3://", "s3:///x", "s3://UPPER/x", "/folder"})
    EXPECT_FALSE(parse_s3_location(wrong)) << wrong;
  ::unsetenv("AWS_SECRET_ACCESS_KEY");
  EXPECT_FALSE(parse_s3_location("s3://bucket"));
}

TEST(s3_store, reads_lent_credentials) {
  const auto got = parse_lent_credentials(
      R"({"AccessKeyId":"A","SecretAccessKey":"B","Token":"C","Expiration":"2026-11-25T10:00:00Z"})");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->keys.access_key, "A");
  EXPECT_EQ(got->keys.session_token, "C");
  EXPECT_EQ(got->until, std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + std::chrono::hours(10));
  for (const auto* wrong : {"", "[]", "{}", R"({"AccessKeyId":"A","SecretAccessKey":"B","Expiration":"soon"})"})
    EXPECT_FALSE(parse_lent_credentials(wrong)) << wrong;
  ::setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials", 1);
  EXPECT_TRUE(parse_s3_location("s3://bucket"));
  ::unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

TEST(open_store, chooses_by_the_location) {
  const std::string folder = test::make_temporary_folder(false);
  EXPECT_NE(dynamic_cast<folder_store*>(open_store(folder).get()), nullptr);
  ::setenv("AWS_ACCESS_KEY_ID", "a", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "b", 1);
  EXPECT_NE(dynamic_cast<s3_store*>(open_store("s3://bucket").get()), nullptr);
  ::unsetenv("AWS_ACCESS_KEY_ID");
  EXPECT_THROW(open_store("s3://bucket"), std::exception);
  std::filesystem::remove_all(folder);
}

} // namespace
} // namespace pricing::storage
