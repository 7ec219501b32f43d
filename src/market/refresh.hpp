#pragma once
// After an import and every night: reads the organization's prices and writes what follows from them (derive.hpp) into
// market_index, item_benchmarks, item_statistics.sparkline, supplier_statistics and supplier_items. Each table is
// replaced in one transaction; readers see the former rows until then. Two refreshes of one organization may overlap.
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "postgres/session.hpp"

#include <functional>
#include <string_view>

namespace pricing::market {

struct refresh_report {
  std::int64_t observations = 0;
  std::int64_t months = 0, benchmarks = 0, sparklines = 0, suppliers = 0, supplier_items = 0;
};

// The step that begins, and how much is done (0..1). May throw to stop.
using refresh_progress = std::function<void(std::string_view step, double share)>;

// Blocking; throws database_error. `progress` may be empty.
refresh_report refresh_market(postgres::session& database, organization_id organization, date as_of,
                              const refresh_progress& progress = {});

} // namespace pricing::market
