#pragma once
// Background work of the market.
#include "celery/task.hpp"
#include "core/ids.hpp"

namespace pricing::market {

inline constexpr const char* refresh_job_kind = "refresh_market";

struct refresh_in {
  pricing::organization_id organization_id;
};
BOOST_DESCRIBE_STRUCT(refresh_in, (), (organization_id))

struct refresh_out {
  std::int64_t observations = 0, benchmarks = 0, months = 0, suppliers = 0;
};
BOOST_DESCRIBE_STRUCT(refresh_out, (), (observations, benchmarks, months, suppliers))

// Everything that is derived from prices, again (refresh.hpp).
inline constexpr celery::task<refresh_in, refresh_out> refresh_task{"pricing.refresh_market",
                                                                    {.queue = "default", .max_retries = 100}};

} // namespace pricing::market
