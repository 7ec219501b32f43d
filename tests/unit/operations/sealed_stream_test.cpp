#include "operations/sealed_stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace pricing::operations {
namespace {

seal_key key(char digit = 'a') {
  return seal_key::parse(std::string(64, digit)).value();
}

std::vector<std::string> seal(const std::string& plain, std::size_t piece_bytes = 1 << 20,
                              const std::string& name = "x") {
  std::vector<std::string> out;
  seal_writer writer(key(), name, piece_bytes, [&](std::size_t number, std::string_view piece) {
    EXPECT_EQ(number, out.size());
    out.emplace_back(piece);
    return result<void>();
  });
  for (std::size_t at = 0; at < plain.size(); at += 100'000)
    EXPECT_TRUE(writer.write(std::string_view(plain).substr(at, 100'000)));
  EXPECT_TRUE(writer.finish());
  EXPECT_EQ(writer.plain_bytes(), plain.size());
  EXPECT_EQ(writer.plain_sha256(), sha256_hex(plain));
  return out;
}

result<std::string> open(const std::vector<std::string>& pieces, const seal_key& with = key(),
                         const std::string& name = "x") {
  std::string out;
  seal_reader reader(with, name, [&](std::string_view plain) {
    out += plain;
    return result<void>();
  });
  for (const auto& p : pieces)
    if (const auto done = reader.feed(p); !done)
      return done.error();
  if (const auto done = reader.finish(); !done)
    return done.error();
  return out;
}

std::string noise(std::size_t bytes, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string out(bytes, '\0');
  for (auto& c : out)
    c = static_cast<char>(random());
  return out;
}

TEST(sealed_stream, opens_to_what_was_sealed) {
  for (const std::size_t bytes : {0, 1, 262'143, 262'144, 262'145, 3'000'000}) {
    EXPECT_EQ(open(seal(noise(bytes))).value(), noise(bytes)) << bytes;
    EXPECT_EQ(open(seal(std::string(bytes, 'z'))).value(), std::string(bytes, 'z')) << bytes;
  }
}

TEST(sealed_stream, comes_in_pieces_of_a_bounded_size) {
  const auto pieces = seal(noise(5'000'000), 1 << 20);
  EXPECT_GE(pieces.size(), 4u);
  for (const auto& p : pieces)
    EXPECT_LE(p.size(), (1u << 20) + 300'000);
}

TEST(sealed_stream, compresses) {
  EXPECT_LT(seal(std::string(10'000'000, 'a'))[0].size(), 20'000u);
}

TEST(sealed_stream, refuses_another_key_and_another_name) {
  const auto pieces = seal("secret");
  EXPECT_FALSE(open(pieces, key('b')));
  EXPECT_FALSE(open(pieces, key(), "y"));
  EXPECT_EQ(pieces[0].find("secret"), std::string::npos);
}

TEST(sealed_stream, refuses_every_change_of_a_byte) {
  const auto good = seal("a few words");
  ASSERT_EQ(good.size(), 1u);
  for (std::size_t i = 0; i < good[0].size(); ++i) {
    auto bad = good;
    bad[0][i] = static_cast<char>(bad[0][i] ^ 1);
    EXPECT_FALSE(open(bad)) << i;
  }
}

TEST(sealed_stream, refuses_every_truncation) {
  const auto good = seal(noise(700'000), 1 << 18);
  for (std::size_t kept = 0; kept < good.size(); ++kept)
    EXPECT_FALSE(open({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(kept)})) << kept;
  for (const std::size_t cut : {1, 17, 1'000, 262'161}) {
    auto bad = good;
    bad.back().resize(bad.back().size() - std::min(cut, bad.back().size()));
    EXPECT_FALSE(open(bad)) << cut;
  }
}

TEST(sealed_stream, refuses_pieces_in_another_order_twice_or_with_more_behind) {
  const auto good = seal(noise(2'000'000), 1 << 19);
  ASSERT_GE(good.size(), 3u);
  auto bad = good;
  std::swap(bad[0], bad[1]);
  EXPECT_FALSE(open(bad));
  bad = good;
  bad.insert(bad.begin() + 1, good[1]);
  EXPECT_FALSE(open(bad));
  bad = good;
  bad.back() += 'x';
  EXPECT_FALSE(open(bad));
  bad = good;
  bad.push_back(good.back());
  EXPECT_FALSE(open(bad));
}

TEST(sealed_stream, hands_on_a_failure_to_write) {
  seal_writer writer(key(), "x", 1 << 10, [](std::size_t, std::string_view) -> result<void> {
    return error{errc::unavailable, "the disk is full"};
  });
  auto done = writer.write(noise(2'000'000));
  if (done)
    done = writer.finish();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "the disk is full");
}

TEST(seal_key, is_64_hexadecimal_digits) {
  EXPECT_TRUE(seal_key::parse(std::string(64, '0') + "\n"));
  for (const auto& wrong : {std::string(), std::string("short"), std::string(63, 'a'), std::string(65, 'a'),
                            std::string(64, 'g'), std::string(32, 'a') + std::string(32, ' ')})
    EXPECT_FALSE(seal_key::parse(wrong)) << wrong;
}

TEST(seal_key, signs) {
  const auto signature = key().sign("text");
  EXPECT_TRUE(key().is_signed("text", signature));
  EXPECT_FALSE(key().is_signed("text ", signature));
  EXPECT_FALSE(key().is_signed("text", ""));
  EXPECT_FALSE(key('b').is_signed("text", signature));
  EXPECT_NE(key().id(), key('b').id());
}

} // namespace
} // namespace pricing::operations
