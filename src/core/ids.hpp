#pragma once
// Strong ids: an item_id is never passed where a supplier_id is meant. Value 0 means "none".
#include <compare>
#include <cstdint>
#include <functional>

namespace pricing {

template <class Tag>
struct id {
  std::int64_t value = 0;
  constexpr explicit operator bool() const { return value != 0; }
  constexpr auto operator<=>(const id&) const = default;
};

using organization_id = id<struct organization_tag>;
using user_id = id<struct user_tag>;
using item_id = id<struct item_tag>;
using category_id = id<struct category_tag>;
using supplier_id = id<struct supplier_tag>;
using event_id = id<struct event_tag>; // a letting, proposal or RFQ: what the bids answer
using upload_id = id<struct upload_tag>;
using mapping_id = id<struct mapping_tag>;
using match_id = id<struct match_tag>;
using job_id = id<struct job_tag>;
using verdict_id = id<struct verdict_tag>;
using model_id = id<struct model_tag>;

} // namespace pricing

template <class Tag>
struct std::hash<pricing::id<Tag>> {
  std::size_t operator()(const pricing::id<Tag>& v) const noexcept { return std::hash<std::int64_t>{}(v.value); }
};
