#pragma once
// Bytes of any length, compressed (zstd), encrypted and authenticated (libsodium's secretstream: XChaCha20-Poly1305),
// cut into pieces of a bounded size. Nothing is held but one piece. What was cut off, changed, exchanged or put in
// another order is refused when it is opened.
#include "storage/object_store.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace pricing::operations {

class seal_key {
 public:
  // invalid_input unless the text is 64 hexadecimal digits.
  static result<seal_key> parse(std::string_view text);
  // Tells keys apart without giving them away.
  std::string id() const;
  // Authenticates a text under this key.
  std::string sign(std::string_view text) const;
  bool is_signed(std::string_view text, std::string_view signature) const;

 private:
  friend class seal_writer;
  friend class seal_reader;
  std::array<unsigned char, 32> derived(std::uint64_t number) const;
  std::array<unsigned char, 32> bytes_{};
};

using storage::sha256_hex;

class seal_writer {
 public:
  using emit_function = std::function<result<void>(std::size_t number, std::string_view piece)>;
  // `name` is bound to the content: a stream opens under its own name only.
  seal_writer(const seal_key& key, std::string name, std::size_t piece_bytes, emit_function emit);
  ~seal_writer();
  result<void> write(std::string_view plain);
  result<void> finish();
  std::uint64_t plain_bytes() const;
  std::string plain_sha256() const; // after finish

 private:
  struct state;
  std::unique_ptr<state> state_;
};

class seal_reader {
 public:
  using take_function = std::function<result<void>(std::string_view plain)>;
  seal_reader(const seal_key& key, std::string name, take_function take);
  ~seal_reader();
  // In order. invalid_input when they are not what was sealed.
  result<void> feed(std::string_view piece);
  // invalid_input when the end is missing.
  result<void> finish();
  std::string plain_sha256() const; // after finish

 private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace pricing::operations
