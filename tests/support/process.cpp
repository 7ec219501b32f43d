#include "support/process.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pricing::test {
namespace {

const passwd* postgres_user() {
  if (geteuid() != 0)
    return nullptr;
  const passwd* user = getpwnam("postgres");
  return user ? user : getpwnam("nobody");
}

} // namespace

int start_process(const std::vector<std::string>& command, const std::filesystem::path& log, bool as_postgres) {
  std::vector<char*> arguments;
  for (const auto& a : command)
    arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  const passwd* user = as_postgres ? postgres_user() : nullptr;
  const pid_t pid = fork();
  if (pid < 0)
    throw std::runtime_error("fork failed");
  if (pid > 0)
    return pid;
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(in, 0), dup2(out, 1), dup2(out, 2);
  setsid();
  if (user && (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
    _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGINT); // after setuid, which clears it
  if (chdir("/") != 0)
    _exit(126);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

int wait_process(int pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void stop_process(int pid, int signal) {
  if (pid > 0 && kill(pid, signal) == 0)
    wait_process(pid);
}

std::filesystem::path make_temporary_folder(bool for_postgres) {
  char name[] = "/tmp/pricing-test-XXXXXX";
  if (!mkdtemp(name))
    throw std::runtime_error("no temporary folder");
  if (const passwd* user = for_postgres ? postgres_user() : nullptr)
    if (chown(name, user->pw_uid, user->pw_gid) != 0)
      throw std::runtime_error("chown failed");
  return name;
}

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace pricing::test
