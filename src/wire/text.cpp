#include "wire/text.hpp"

#include <array>
#include <cstring>
#include <vector>

namespace pricing::wire {
namespace {

constexpr std::array<std::uint16_t, 32> windows_1252_upper = {
    0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178};

std::uint32_t from_windows_1252(std::uint8_t byte) {
  return byte >= 0x80 && byte < 0xA0 ? windows_1252_upper[byte - 0x80] : byte;
}

// Appends at `out` (room for 4 bytes) and returns the end.
char* put_utf8(char* out, std::uint32_t c) {
  if (c < 0x80) {
    *out++ = static_cast<char>(c);
  } else if (c < 0x800) {
    *out++ = static_cast<char>(0xC0 | c >> 6);
    *out++ = static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *out++ = static_cast<char>(0xE0 | c >> 12);
    *out++ = static_cast<char>(0x80 | (c >> 6 & 0x3F));
    *out++ = static_cast<char>(0x80 | (c & 0x3F));
  } else {
    *out++ = static_cast<char>(0xF0 | c >> 18);
    *out++ = static_cast<char>(0x80 | (c >> 12 & 0x3F));
    *out++ = static_cast<char>(0x80 | (c >> 6 & 0x3F));
    *out++ = static_cast<char>(0x80 | (c & 0x3F));
  }
  return out;
}

// Length of the sequence a lead byte opens, 0 when it opens none.
int sequence_length(std::uint8_t lead) {
  return lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
}

// Overlong forms, surrogates and values above U+10FFFF are no UTF-8 (and PostgreSQL refuses them).
bool second_byte_fits(std::uint8_t lead, std::uint8_t second) {
  return lead == 0xE0   ? second >= 0xA0
         : lead == 0xED ? second < 0xA0
         : lead == 0xF0 ? second >= 0x90
         : lead == 0xF4 ? second < 0x90
                        : true;
}

class utf8_source final : public byte_source {
 public:
  utf8_source(std::unique_ptr<byte_source> text, text_encoding encoding)
      : text_(std::move(text)), encoding_(encoding), input_(64 << 10) {}

  result<std::size_t> read(char* out, std::size_t size) override {
    if (encoding_ == text_encoding::utf_8 && !at_start_ && have_ == 0)
      return text_->read(out, size);
    for (;;) {
      auto filled = fill();
      if (!filled)
        return filled.error();
      const auto written = convert(out, size);
      if (written > 0 || (ended_ && have_ == 0))
        return written;
    }
  }
  std::uint64_t consumed_bytes() const override { return text_->consumed_bytes(); }

 private:
  result<void> fill() {
    while (!ended_ && have_ < 4) { // enough for a mark and for any one character
      const auto got = text_->read(input_.data() + have_, input_.size() - have_);
      if (!got)
        return got.error();
      have_ += *got;
      ended_ = *got == 0;
    }
    if (at_start_) {
      at_start_ = false;
      const std::string_view first(input_.data(), have_);
      drop(first.starts_with("\xEF\xBB\xBF")                                ? 3
           : first.starts_with("\xFF\xFE") || first.starts_with("\xFE\xFF") ? 2
                                                                            : 0);
    }
    return {};
  }
  void drop(std::size_t count) {
    have_ -= count;
    std::memmove(input_.data(), input_.data() + count, have_);
  }

  std::size_t convert(char* out, std::size_t size) {
    std::size_t used = 0;
    char* at = out;
    char* const end = out + size - 4;
    while (used < have_ && at <= end) {
      const auto step = convert_one(used, at);
      if (step == 0)
        break;
      used += step;
    }
    drop(used);
    return static_cast<std::size_t>(at - out);
  }

  // Bytes of input taken; 0 when more are needed.
  std::size_t convert_one(std::size_t i, char*& at) {
    const auto byte = [&](std::size_t k) { return static_cast<std::uint8_t>(input_[i + k]); };
    const auto left = have_ - i;
    switch (encoding_) {
    case text_encoding::windows_1252:
      at = put_utf8(at, from_windows_1252(byte(0)));
      return 1;
    case text_encoding::utf_16_le:
    case text_encoding::utf_16_be:
      return convert_utf16(i, at);
    default:
      break;
    }
    if (byte(0) < 0x80) {
      *at++ = input_[i];
      return 1;
    }
    const auto length = static_cast<std::size_t>(sequence_length(byte(0)));
    if (length > left && !ended_)
      return 0;
    bool valid = length > 1 && length <= left && second_byte_fits(byte(0), byte(1));
    for (std::size_t k = 1; valid && k < length; ++k)
      valid = (byte(k) & 0xC0) == 0x80;
    if (!valid) {
      at = put_utf8(at, from_windows_1252(byte(0)));
      return 1;
    }
    std::memcpy(at, &input_[i], length);
    at += length;
    return length;
  }

  std::size_t convert_utf16(std::size_t i, char*& at) {
    const auto left = have_ - i;
    if (left < 2) {
      at = ended_ ? put_utf8(at, 0xFFFD) : at;
      return ended_ ? 1 : 0;
    }
    const auto unit = [&](std::size_t k) {
      const auto a = static_cast<std::uint8_t>(input_[i + k]), b = static_cast<std::uint8_t>(input_[i + k + 1]);
      return static_cast<std::uint32_t>(encoding_ == text_encoding::utf_16_le ? a | b << 8 : a << 8 | b);
    };
    const auto high = unit(0);
    if (high < 0xD800 || high > 0xDFFF) {
      at = put_utf8(at, high);
      return 2;
    }
    if (left < 4 && !ended_)
      return 0;
    if (left >= 4 && high < 0xDC00 && unit(2) >= 0xDC00 && unit(2) < 0xE000) {
      at = put_utf8(at, 0x10000 + ((high - 0xD800) << 10) + (unit(2) - 0xDC00));
      return 4;
    }
    at = put_utf8(at, 0xFFFD);
    return 2;
  }

  std::unique_ptr<byte_source> text_;
  text_encoding encoding_;
  std::vector<char> input_;
  std::size_t have_ = 0;
  bool at_start_ = true;
  bool ended_ = false;
};

} // namespace

const char* to_string(text_encoding encoding) {
  switch (encoding) {
  case text_encoding::utf_8:
    return "UTF-8";
  case text_encoding::utf_8_damaged:
    return "UTF-8 with repairs";
  case text_encoding::utf_16_le:
    return "UTF-16LE";
  case text_encoding::utf_16_be:
    return "UTF-16BE";
  case text_encoding::windows_1252:
    return "Windows-1252";
  }
  return "?";
}

result<text_encoding> parse_encoding(std::string_view name) {
  for (const auto e : {text_encoding::utf_8, text_encoding::utf_8_damaged, text_encoding::utf_16_le,
                       text_encoding::utf_16_be, text_encoding::windows_1252})
    if (name == to_string(e))
      return e;
  return invalid_input("unknown encoding '" + std::string(name) + "'");
}

void encoding_detector::feed(std::string_view block) {
  if (start_.size() < 4) {
    start_ += block.substr(0, 4 - start_.size());
    mark_bytes_ = start_.starts_with("\xEF\xBB\xBF")                                 ? 3
                  : start_.starts_with("\xFF\xFE") || start_.starts_with("\xFE\xFF") ? 2
                                                                                     : 0;
  }
  total_ += block.size();
  nul_ = nul_ || (!block.empty() && std::memchr(block.data(), 0, block.size()) != nullptr);
  for (std::size_t i = 0; i < block.size();) {
    if (pending_ == 0 && i + 8 <= block.size()) {
      std::uint64_t eight;
      std::memcpy(&eight, block.data() + i, 8);
      if ((eight & 0x8080808080808080ull) == 0) {
        i += 8;
        continue;
      }
    }
    const auto byte = static_cast<std::uint8_t>(block[i]);
    if (pending_ > 0 && (byte & 0xC0) == 0x80 && second_byte_fits(lead_, byte)) {
      lead_ = 0;
      valid_sequences_ += --pending_ == 0;
      ++i;
      continue;
    }
    if (pending_ > 0) {
      ++invalid_bytes_;
      pending_ = 0;
    }
    const int length = sequence_length(byte);
    invalid_bytes_ += length == 0;
    pending_ = length > 1 ? static_cast<std::uint32_t>(length - 1) : 0;
    lead_ = byte;
    ++i;
  }
}

text_encoding encoding_detector::encoding() const {
  if (start_.starts_with("\xFF\xFE"))
    return text_encoding::utf_16_le;
  if (start_.starts_with("\xFE\xFF"))
    return text_encoding::utf_16_be;
  if (invalid_bytes_ == 0 && pending_ == 0)
    return text_encoding::utf_8;
  return mark_bytes_ == 3 || valid_sequences_ > invalid_bytes_ ? text_encoding::utf_8_damaged
                                                               : text_encoding::windows_1252;
}

std::unique_ptr<byte_source> make_utf8_source(std::unique_ptr<byte_source> text, text_encoding encoding) {
  return std::make_unique<utf8_source>(std::move(text), encoding);
}

} // namespace pricing::wire
