#pragma once
// Who sends a request to pricing-ml: the bearer of an access token that pricing-web or a tool signed. A verified token
// is remembered until it expires, for checking one costs as much as a prediction.
#include "core/clock.hpp"
#include "http/router.hpp"
#include "identity/token.hpp"

#include <algorithm>
#include <memory>
#include <unordered_map>

namespace pricing::serving {

// One per thread.
class callers {
 public:
  // Both must outlive it.
  callers(const identity::token_signer& signer, const clock& now) : signer_(signer), now_(now) {}
  // unauthenticated without a token, and when it is wrong or has expired.
  result<http::principal_ptr> who(const http::request& r);

 private:
  struct known {
    http::principal_ptr caller;
    std::chrono::sys_seconds expires_at;
  };
  // By the end of the signature, which is as good as drawn by lot.
  struct token_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view token) const {
      return std::hash<std::string_view>{}(token.substr(token.size() - std::min<std::size_t>(token.size(), 16)));
    }
  };
  const identity::token_signer& signer_;
  const clock& now_;
  std::unordered_map<std::string, known, token_hash, std::equal_to<>> known_;
};

// Whoever has an access token: pricing-web in its users' names, and programs. No cookies here; rates are limited in
// pricing-web. For the routes of one thread, whose callers they share.
http::hooks token_hooks(std::shared_ptr<callers> known);

} // namespace pricing::serving
