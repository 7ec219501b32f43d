#include "operations/sealed_stream.hpp"

#include <sodium.h>
#include <zstd.h>

#include <stdexcept>
#include <vector>

namespace pricing::operations {
namespace {

constexpr std::size_t chunk_bytes = 256 * 1024;
constexpr std::size_t sealed_chunk_bytes = chunk_bytes + crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr std::size_t header_bytes = crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr std::uint64_t stream_key = 1, signature_key = 2, identity_key = 3;
constexpr int compression_level = 1; // the disk and the cipher should be what is waited for

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hex(const unsigned char* bytes, std::size_t count) {
  std::string out(2 * count + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes, count);
  out.pop_back();
  return out;
}

class sha256 {
 public:
  sha256() { crypto_hash_sha256_init(&state_); }
  void add(std::string_view bytes) { crypto_hash_sha256_update(&state_, bytes_of(bytes), bytes.size()); }
  std::string finish() {
    unsigned char out[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state_, out);
    return hex(out, sizeof out);
  }

 private:
  crypto_hash_sha256_state state_;
};

error damaged(const std::string& name) {
  return invalid_input("'" + name + "' is damaged or not whole, or was sealed with another key");
}

} // namespace

result<seal_key> seal_key::parse(std::string_view text) {
  static const bool ready = sodium_init() >= 0;
  if (!ready)
    throw std::runtime_error("libsodium cannot be set up");
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r'))
    text.remove_suffix(1);
  seal_key out;
  std::size_t length = 0;
  const char* end = nullptr;
  if (text.size() != 64 ||
      sodium_hex2bin(out.bytes_.data(), out.bytes_.size(), text.data(), text.size(), nullptr, &length, &end) != 0 ||
      length != out.bytes_.size())
    return invalid_input(
        "the backup key must be 64 hexadecimal digits: make one with 'openssl rand -hex 32', keep a copy "
        "elsewhere, and give its file in PRICING_BACKUP_KEY_FILE");
  return out;
}

std::array<unsigned char, 32> seal_key::derived(std::uint64_t number) const {
  std::array<unsigned char, 32> out;
  crypto_kdf_derive_from_key(out.data(), out.size(), number, "backups_", bytes_.data());
  return out;
}

std::string seal_key::id() const {
  return hex(derived(identity_key).data(), 8);
}

std::string seal_key::sign(std::string_view text) const {
  unsigned char out[crypto_auth_hmacsha256_BYTES];
  crypto_auth_hmacsha256(out, bytes_of(text), text.size(), derived(signature_key).data());
  return hex(out, sizeof out);
}

bool seal_key::is_signed(std::string_view text, std::string_view signature) const {
  const auto wanted = sign(text);
  return signature.size() == wanted.size() && sodium_memcmp(signature.data(), wanted.data(), wanted.size()) == 0;
}

struct seal_writer::state {
  state(const seal_key& key, std::string n, std::size_t bytes, emit_function e)
      : name(std::move(n)),
        piece_bytes(bytes),
        emit(std::move(e)),
        zstd(ZSTD_createCCtx()),
        packed(ZSTD_CStreamOutSize(), '\0') {
    if (!zstd)
      throw std::bad_alloc();
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, compression_level);
    unsigned char header[header_bytes];
    crypto_secretstream_xchacha20poly1305_init_push(&cipher, header, key.derived(stream_key).data());
    piece.assign(reinterpret_cast<const char*>(header), sizeof header);
    piece.reserve(piece_bytes + sealed_chunk_bytes);
  }
  ~state() { ZSTD_freeCCtx(zstd); }

  result<void> compress(std::string_view plain, ZSTD_EndDirective how) {
    ZSTD_inBuffer in{plain.data(), plain.size(), 0};
    for (std::size_t left = 1; in.pos < in.size || (how == ZSTD_e_end && left != 0);) {
      ZSTD_outBuffer out{packed.data(), packed.size(), 0};
      left = ZSTD_compressStream2(zstd, &out, &in, how);
      if (ZSTD_isError(left))
        throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(left));
      chunk.append(packed.data(), out.pos);
      // The last chunk stays for finish: only it may be short, and it carries the mark of the end.
      while (chunk.size() > chunk_bytes) {
        if (auto done = seal(std::string_view(chunk).substr(0, chunk_bytes), false); !done)
          return done;
        chunk.erase(0, chunk_bytes);
      }
    }
    return {};
  }

  result<void> seal(std::string_view part, bool is_last) {
    const auto from = piece.size();
    piece.resize(from + part.size() + crypto_secretstream_xchacha20poly1305_ABYTES);
    crypto_secretstream_xchacha20poly1305_push(&cipher, reinterpret_cast<unsigned char*>(piece.data()) + from, nullptr,
                                               bytes_of(part), part.size(), bytes_of(name), name.size(),
                                               is_last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                                                       : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
    if (piece.size() < piece_bytes && !is_last)
      return {};
    auto done = emit(number++, piece);
    piece.clear();
    return done;
  }

  const std::string name;
  const std::size_t piece_bytes;
  const emit_function emit;
  ZSTD_CCtx* zstd;
  crypto_secretstream_xchacha20poly1305_state cipher{};
  std::string packed;
  std::string chunk, piece;
  std::size_t number = 0;
  std::uint64_t plain = 0;
  sha256 hash;
  std::string digest;
};

seal_writer::seal_writer(const seal_key& key, std::string name, std::size_t piece_bytes, emit_function emit)
    : state_(std::make_unique<state>(key, std::move(name), piece_bytes, std::move(emit))) {}
seal_writer::~seal_writer() = default;

result<void> seal_writer::write(std::string_view plain) {
  state_->plain += plain.size();
  state_->hash.add(plain);
  return state_->compress(plain, ZSTD_e_continue);
}

result<void> seal_writer::finish() {
  if (auto done = state_->compress({}, ZSTD_e_end); !done)
    return done;
  state_->digest = state_->hash.finish();
  return state_->seal(state_->chunk, true);
}

std::uint64_t seal_writer::plain_bytes() const {
  return state_->plain;
}
std::string seal_writer::plain_sha256() const {
  return state_->digest;
}

struct seal_reader::state {
  state(const seal_key& k, std::string n, take_function t)
      : key(k.derived(stream_key)),
        name(std::move(n)),
        take(std::move(t)),
        zstd(ZSTD_createDCtx()),
        unpacked(ZSTD_DStreamOutSize(), '\0') {
    if (!zstd)
      throw std::bad_alloc();
  }
  ~state() { ZSTD_freeDCtx(zstd); }

  result<void> open(std::string_view sealed) {
    if (ended || sealed.size() < crypto_secretstream_xchacha20poly1305_ABYTES)
      return damaged(name);
    plain.resize(sealed.size() - crypto_secretstream_xchacha20poly1305_ABYTES);
    unsigned char tag = 0;
    if (crypto_secretstream_xchacha20poly1305_pull(&cipher, reinterpret_cast<unsigned char*>(plain.data()), nullptr,
                                                   &tag, bytes_of(sealed), sealed.size(), bytes_of(name),
                                                   name.size()) != 0)
      return damaged(name);
    ended = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return decompress();
  }

  result<void> decompress() {
    ZSTD_inBuffer in{plain.data(), plain.size(), 0};
    while (in.pos < in.size) {
      ZSTD_outBuffer out{unpacked.data(), unpacked.size(), 0};
      left = ZSTD_decompressStream(zstd, &out, &in);
      if (ZSTD_isError(left))
        return damaged(name);
      const std::string_view bytes(unpacked.data(), out.pos);
      hash.add(bytes);
      if (auto done = take(bytes); !done)
        return done;
    }
    return {};
  }

  const std::array<unsigned char, 32> key;
  const std::string name;
  const take_function take;
  ZSTD_DCtx* zstd;
  crypto_secretstream_xchacha20poly1305_state cipher{};
  std::string held, plain, unpacked;
  std::size_t left = 1; // 0 once a frame is whole
  bool begun = false, ended = false;
  sha256 hash;
  std::string digest;
};

seal_reader::seal_reader(const seal_key& key, std::string name, take_function take)
    : state_(std::make_unique<state>(key, std::move(name), std::move(take))) {}
seal_reader::~seal_reader() = default;

result<void> seal_reader::feed(std::string_view piece) {
  auto& s = *state_;
  s.held += piece;
  std::size_t at = 0;
  if (!s.begun) {
    if (s.held.size() < header_bytes)
      return {};
    if (crypto_secretstream_xchacha20poly1305_init_pull(&s.cipher, bytes_of(s.held), s.key.data()) != 0)
      return damaged(s.name);
    at = header_bytes;
    s.begun = true;
  }
  for (; s.held.size() - at > sealed_chunk_bytes; at += sealed_chunk_bytes)
    if (auto done = s.open(std::string_view(s.held).substr(at, sealed_chunk_bytes)); !done)
      return done;
  s.held.erase(0, at);
  return {};
}

result<void> seal_reader::finish() {
  auto& s = *state_;
  if (!s.begun)
    return damaged(s.name);
  if (auto done = s.open(s.held); !done)
    return done;
  if (!s.ended || s.left != 0)
    return damaged(s.name);
  s.digest = s.hash.finish();
  return {};
}

std::string seal_reader::plain_sha256() const {
  return state_->digest;
}

} // namespace pricing::operations
