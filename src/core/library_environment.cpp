#include "core/library_environment.hpp"

#include <cstdlib>
#include <unistd.h>

namespace pricing {

void set_before_main(char** argv, std::initializer_list<environment_variable> variables) {
  bool changed = false;
  for (const auto& v : variables) {
    if (std::getenv(v.name) != nullptr)
      continue;
    changed = true;
    if (setenv(v.name, v.value, 1) != 0)
      return; // no memory: then nothing is better than a loop
  }
  if (changed)
    execv("/proc/self/exe", argv); // returns only when it failed; all works without, more slowly
}

} // namespace pricing
