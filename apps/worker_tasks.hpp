#pragma once
// What the worker's tasks do: each handler opens a session of its own and calls its folder.
#include "jobs/job_tasks.hpp"
#include "operations/backup_manager.hpp"
#include "storage/object_store.hpp"

#include <memory>

namespace pricing {

// What the backup task needs to know.
struct backup_settings {
  operations::backup_config backup;
  operations::backup_sources sources;
};

// Adds the product's tasks to the table, to be run as jobs.
void add_product_tasks(celery::task_table& table, jobs::job_tasks& work, jobs::session_factory connect,
                       std::shared_ptr<storage::object_store> objects, backup_settings backup);

} // namespace pricing
