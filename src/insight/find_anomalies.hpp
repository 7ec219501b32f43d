#pragma once
// Looks for strange prices in uploads and keeps what it finds in `anomalies`. Safe to run again and beside itself: what
// somebody dismissed or confirmed stays, open ones that are no longer strange go.
#include "core/error.hpp"
#include "insight/anomaly_tasks.hpp"
#include "postgres/session.hpp"

#include <functional>
#include <string_view>

namespace pricing::insight {

inline constexpr std::int64_t anomaly_rows_max = 500'000; // of an upload, the newest
inline constexpr int anomaly_uploads_max = 5;             // in one run
inline constexpr int open_anomalies_max = 5'000;          // of an organization, the most money

// The step that begins, and how much is done (0..1). May throw to stop.
using anomaly_progress = std::function<void(std::string_view step, double share)>;

// Blocking; throws database_error. not_found: there is no such upload.
result<find_anomalies_out> find_anomalies(postgres::session& database, const find_anomalies_in& in,
                                          const anomaly_progress& progress = {});

} // namespace pricing::insight
