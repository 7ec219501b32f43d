#pragma once
// Every task of the product, once: what workers run and what /api/v1/tasks/schema shows.
#include "ingest/ingest_tasks.hpp"
#include "insight/anomaly_tasks.hpp"
#include "insight/drift_tasks.hpp"
#include "market/market_tasks.hpp"
#include "models/model_tasks.hpp"
#include "operations/backup_task.hpp"
#include "reports/export_job.hpp"
#include "watch/alert_evaluation.hpp"

#include <tuple>

namespace pricing {

inline constexpr std::tuple product_tasks{
    ingest::import_task,     market::refresh_task,         models::train_task,           models::price_items_task,
    reports::export_task,    watch::evaluate_task,         insight::find_anomalies_task, insight::check_drift_task,
    operations::backup_task, models::train_part_costs_task};

} // namespace pricing
