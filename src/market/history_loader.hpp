#pragma once
// Reads the price history of one organization from the database into memory (COPY OUT, one pass): what training,
// prediction and the market refresh work on. Blocking: seconds for millions of rows. 2.4 million observations need
// about 80 MB, and about as much again while loading.
#include "core/ids.hpp"
#include "learn/history.hpp"
#include "postgres/session.hpp"

#include <string>

namespace pricing::market {

struct loaded_history {
  learn::price_history prices;
  std::string snapshot;              // identifies the rows: equal rows give an equal text
  std::chrono::sys_days newest_on{}; // of the observations; 1970-01-01 when there is none
};

// Only prices in the organization's currency; begins and ends its own transaction on the session.
loaded_history load_history(postgres::session& database, organization_id organization);

} // namespace pricing::market
