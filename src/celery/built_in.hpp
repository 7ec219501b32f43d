#pragma once
// Celery's own tasks, which a complete worker answers: backend_cleanup, chord_unlock, accumulate, map, starmap, chunks,
// group, chord, chain.
#include "celery/task.hpp"

#include <string>
#include <vector>

namespace pricing::celery {

class task_table;

std::vector<std::pair<std::string, cpu_handler>> built_in_tasks();

// celery.map, celery.starmap and celery.chunks call other tasks of the same worker in place.
using task_lookup = std::function<const cpu_handler*(std::string_view name)>;
std::vector<std::pair<std::string, cpu_handler>> mapping_tasks(task_lookup find);

} // namespace pricing::celery
