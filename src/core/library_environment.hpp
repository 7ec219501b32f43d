#pragma once
// What libraries read from the environment before main.
#include <initializer_list>

namespace pricing {

struct environment_variable {
  const char* name;
  const char* value;
};

// The tree library's OpenMP threads spin while they wait, by default, and fight with everything else for the cores:
// training on two busy cores took ten times as long.
inline constexpr environment_variable idle_threads_sleep{"OMP_WAIT_POLICY", "passive"};
// A thread keeps 7 freed blocks of a size, by default, and a turn of an event loop frees those of some tens of
// requests.
inline constexpr environment_variable freed_blocks_are_kept{"GLIBC_TUNABLES", "glibc.malloc.tcache_count=200"};

// First statement of main: starts the same program again with the variables that are not set yet, if any.
void set_before_main(char** argv, std::initializer_list<environment_variable> variables);

} // namespace pricing
