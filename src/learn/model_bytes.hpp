#pragma once
// The flat form in which models are stored: values as they lie in memory (little-endian machines only), texts and
// arrays behind their length. Readers refuse what is short. Private to this folder.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::learn::detail {

class byte_writer {
 public:
  template <class T>
  void value(const T& v) {
    bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  void text(std::string_view s) {
    value(static_cast<std::uint64_t>(s.size()));
    bytes.append(s);
  }
  void floats(const std::vector<float>& v) {
    text({reinterpret_cast<const char*>(v.data()), v.size() * sizeof(float)});
  }
  std::string bytes;
};

class byte_reader {
 public:
  explicit byte_reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  bool value(T& v) {
    if (bytes_.size() < sizeof v) {
      return false;
    }
    std::memcpy(&v, bytes_.data(), sizeof v);
    bytes_.remove_prefix(sizeof v);
    return true;
  }
  bool text(std::string_view& s) {
    std::uint64_t size = 0;
    if (!value(size) || size > bytes_.size()) {
      return false;
    }
    s = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  bool floats(std::vector<float>& v) {
    std::string_view s;
    if (!text(s) || s.size() % sizeof(float) != 0) {
      return false;
    }
    v.resize(s.size() / sizeof(float));
    std::memcpy(v.data(), s.data(), s.size());
    return true;
  }
  std::size_t left() const { return bytes_.size(); }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

// FNV-1a: a damaged file must not reach the tree loader.
inline std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t h = 14695981039346656037ULL;
  for (const char c : bytes) {
    h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return h;
}

} // namespace pricing::learn::detail
