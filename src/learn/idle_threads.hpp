#pragma once
// The tree library's OpenMP threads spin while they wait, by default, and fight with everything else for the cores:
// training on two busy cores took ten times as long. libgomp reads its policy before main, so it must be in the
// environment at exec.

namespace pricing::learn {

// First statement of main: starts the same program again with OMP_WAIT_POLICY=passive unless the variable is set.
void let_idle_threads_sleep(char** argv);

} // namespace pricing::learn
