#pragma once
// Single rows that arrive together are predicted together: several rows cost little more than one where the trees are
// many. Nobody waits for company: whatever asked during one turn of the event loop is answered at its end, so the
// number of connections bounds a batch. One per thread.
#include "serving/version.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <span>
#include <vector>

namespace pricing::serving {

namespace asio = boost::asio;

class row_batch {
 public:
  row_batch() = default;
  row_batch(const row_batch&) = delete;

  // As infer() of version.hpp, for predictions alone. Both arguments must live until it returns.
  asio::awaitable<result<inference>> infer(const version_ptr& version, const inference_request& asked);

 private:
  using handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;
  struct waiting {
    const served_version* version;
    const inference_request* asked;
    std::optional<result<inference>>* answer;
    handler resume;
  };
  void end_turn();
  void predict(std::span<const waiting* const> together); // all of one version

  std::vector<waiting> next_, turn_;
  std::vector<const waiting*> order_; // of turn_, by version
  std::vector<float> values_, predictions_;
};

} // namespace pricing::serving
