#pragma once
// Child processes of tests: they end with the test, also when it is killed.
#include <filesystem>
#include <string>
#include <vector>

namespace pricing::test {

// Starts command with its output in `log`. As root it runs as the user postgres when as_postgres is set.
int start_process(const std::vector<std::string>& command, const std::filesystem::path& log, bool as_postgres);
int wait_process(int pid); // exit status, 128+signal when killed
void stop_process(int pid, int signal);
std::filesystem::path make_temporary_folder(bool for_postgres);
std::string read_text(const std::filesystem::path& file);

} // namespace pricing::test
