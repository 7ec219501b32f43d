#pragma once
// Encodings of text files: detection over the whole file and conversion to UTF-8 on the way.
#include "wire/bytes.hpp"

namespace pricing::wire {

enum class text_encoding { utf_8, utf_8_damaged, utf_16_le, utf_16_be, windows_1252 };
const char* to_string(text_encoding encoding);
result<text_encoding> parse_encoding(std::string_view name);

// Feed every block of the file in order, then ask. A byte-order mark decides; else a file is UTF-8 when it is valid,
// UTF-8 with repairs when most of its non-ASCII sequences are, and Windows-1252 otherwise.
class encoding_detector {
 public:
  void feed(std::string_view block);
  text_encoding encoding() const;
  bool has_byte_order_mark() const { return mark_bytes_ != 0; }
  bool has_nul() const { return nul_; }

 private:
  std::uint64_t total_ = 0;
  std::uint64_t valid_sequences_ = 0;
  std::uint64_t invalid_bytes_ = 0;
  std::string start_;
  std::uint32_t pending_ = 0; // continuation bytes still expected
  std::uint8_t lead_ = 0;     // of the sequence whose second byte comes next
  int mark_bytes_ = 0;
  bool nul_ = false;
};

// Drops the byte-order mark and converts to UTF-8. In utf_8_damaged, bytes that are no UTF-8 are read as Windows-1252.
std::unique_ptr<byte_source> make_utf8_source(std::unique_ptr<byte_source> text, text_encoding encoding);

} // namespace pricing::wire
