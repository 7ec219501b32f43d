#pragma once
// JSON as it is, for texts that pass through: a double is the nearest one to its digits (Boost.JSON 1.81 may be off in
// the last place), and an integer of more than 64 bits, which would lose digits, is refused.
#include "core/error.hpp"

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include <string_view>

namespace pricing::wire {

// invalid_input: not valid JSON, too deep, or a number that cannot be kept.
result<boost::json::value> parse_exact(std::string_view text, const boost::json::storage_ptr& storage,
                                       std::size_t depth_max);

} // namespace pricing::wire
