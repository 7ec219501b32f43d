#pragma once
// A connected socket that may be encrypted: what Asio calls an AsyncStream, so that async_read and async_write take it.
// Plain, it costs a test of a pointer.
#include "net/tls.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <string_view>
#include <sys/socket.h>
#include <utility>

namespace pricing::net {

template <class Socket>
class tls_socket {
 public:
  using executor_type = typename Socket::executor_type;
  explicit tls_socket(Socket plain) : plain_(std::move(plain)) {}
  tls_socket(const tls_socket&) = delete;

  executor_type get_executor() { return plain_.get_executor(); }
  // For connecting, closing and options; bytes go through the functions below.
  Socket& plain() { return plain_; }
  const Socket& plain() const { return plain_; }
  bool is_encrypted() const { return tls_ != nullptr; }

  // What is sent and received from now on is encrypted, its handshake first.
  SSL* encrypt(std::shared_ptr<ssl::context> with) {
    context_ = std::move(with);
    tls_ = std::make_unique<ssl::stream<Socket&>>(plain_, *context_);
    return tls_->native_handle();
  }
  template <class Token>
  auto async_handshake(ssl::stream_base::handshake_type as, Token&& token) {
    return tls_->async_handshake(as, std::forward<Token>(token));
  }
  SSL* native_tls() { return tls_ ? tls_->native_handle() : nullptr; }

  // Sends what the kernel takes at once, which most answers are, without a turn of the event loop: returns how many
  // bytes; 0 when it is encrypted or anything is wrong, which the write that must follow will meet again.
  std::size_t try_write(std::string_view bytes) {
    if (tls_ || bytes.empty())
      return 0;
    const auto sent = ::send(plain_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (tls_)
            tls_->async_read_some(into, std::move(handler));
          else
            plain_.async_read_some(into, std::move(handler));
        },
        token, buffers);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          if (tls_)
            tls_->async_write_some(from, std::move(handler));
          else
            plain_.async_write_some(from, std::move(handler));
        },
        token, buffers);
  }

 private:
  Socket plain_;
  std::shared_ptr<ssl::context> context_;
  std::unique_ptr<ssl::stream<Socket&>> tls_; // refers to plain_ and context_
};

} // namespace pricing::net
