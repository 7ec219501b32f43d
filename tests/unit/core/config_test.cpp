#include "core/config.hpp"

#include <gtest/gtest.h>

namespace {
struct sample_config {
  int port = 8000;
  std::string address = "127.0.0.1";
  bool tls = false;
  std::string token_secret;
};
BOOST_DESCRIBE_STRUCT(sample_config, (), (port, address, tls, token_secret))
} // namespace

using pricing::config_source;

TEST(config, environment_wins_over_file_wins_over_default) {
  const config_source source({{"PRICING_HTTP_PORT", "9000"}}, {{"http.port", "7000"}, {"http.address", "::1"}});
  const auto config = source.read<sample_config>("http");
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->port, 9000);
  EXPECT_EQ(config->address, "::1");
  EXPECT_FALSE(config->tls);
}

TEST(config, names_every_value_that_cannot_be_read) {
  const config_source source({{"PRICING_HTTP_PORT", "eighty"}, {"PRICING_HTTP_TLS", "perhaps"}}, {});
  const auto config = source.read<sample_config>("http");
  ASSERT_FALSE(config.has_value());
  ASSERT_EQ(config.error().details.size(), 2u);
  EXPECT_EQ(config.error().details[0].path, "http.port");
  EXPECT_EQ(config.error().details[1].path, "http.tls");
}

TEST(config, never_prints_a_secret) {
  const config_source source({{"PRICING_HTTP_TOKEN_SECRET", "hunter2"}}, {});
  ASSERT_TRUE(source.read<sample_config>("http").has_value());
  for (const auto& entry : source.entries())
    EXPECT_EQ(entry.value.find("hunter2"), std::string::npos);
}
