#include "operations/child_process.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace pricing::operations {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

const passwd* database_account() {
  if (geteuid() != 0)
    return nullptr;
  const passwd* user = getpwnam("postgres");
  return user ? user : getpwnam("nobody");
}

struct pipe_ends {
  pipe_ends() {
    int both[2];
    if (pipe2(both, O_CLOEXEC) != 0)
      fail("pipe");
    read = both[0], write = both[1];
  }
  int read, write;
};

std::vector<std::string> environment_of(const child_command& c) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    if (!c.environment.contains(std::string(text.substr(0, text.find('=')))))
      out.emplace_back(text);
  }
  for (const auto& [name, value] : c.environment)
    out.push_back(fmt::format("{}={}", name, value));
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& t : texts)
    out.push_back(t.data());
  out.push_back(nullptr);
  return out;
}

} // namespace

std::string database_user() {
  const passwd* user = database_account();
  return user ? user->pw_name : "";
}

void give_to_database_user(const std::filesystem::path& path) {
  if (const passwd* user = database_account(); user && chown(path.c_str(), user->pw_uid, user->pw_gid) != 0)
    fail("chown");
}

child_process::child_process(const child_command& c) : name_(c.words.at(0)), detached_(c.detached) {
  auto words = c.words;
  auto environment = environment_of(c);
  const auto argv = pointers(words), envp = pointers(environment);
  const passwd* user = c.as_database_user ? database_account() : nullptr;
  errors_ = memfd_create("complaints", MFD_CLOEXEC);
  if (errors_ < 0)
    fail("memfd_create");
  int file = -1;
  if (!c.output.empty() && (file = open(c.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
    fail("open");
  const pipe_ends input, output;
  std::signal(SIGPIPE, SIG_IGN);
  const int parent = getpid();
  pid_ = fork();
  if (pid_ < 0)
    fail("fork");
  if (pid_ == 0) {
    std::signal(SIGPIPE, SIG_DFL);
    dup2(input.read, STDIN_FILENO);
    dup2(file >= 0 ? file : output.write, STDOUT_FILENO);
    dup2(file >= 0 ? file : errors_, STDERR_FILENO);
    setsid(); // a Ctrl-C is for us; we end it in order
    if (user && (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
      _exit(126);
    if (!c.detached) {
      prctl(PR_SET_PDEATHSIG, SIGINT); // after setuid, which clears it
      if (getppid() != parent)
        _exit(126);
    }
    if (user && chdir("/") != 0)
      _exit(126);
    execvpe(argv[0], argv.data(), envp.data());
    const std::string_view why = std::strerror(errno);
    [[maybe_unused]] const auto n = ::write(STDERR_FILENO, why.data(), why.size());
    _exit(127);
  }
  close(input.read);
  close(output.write);
  if (file >= 0)
    close(file);
  in_ = input.write, out_ = output.read;
  fcntl(out_, F_SETPIPE_SZ, 1 << 20);
}

child_process::~child_process() {
  close_input();
  if (!ended_ && !detached_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(out_);
  close(errors_);
}

std::string_view child_process::read() {
  buffer_.resize(1 << 18);
  for (;;) {
    const auto n = ::read(out_, buffer_.data(), buffer_.size());
    if (n >= 0)
      return std::string_view(buffer_).substr(0, static_cast<std::size_t>(n));
    if (errno != EINTR)
      fail("read");
  }
}

result<void> child_process::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(in_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return error{errc::unavailable, name_ + " does not read on: " + complaints()};
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

void child_process::close_input() {
  if (in_ >= 0)
    close(in_);
  in_ = -1;
}

void child_process::signal(int number) {
  if (is_running())
    kill(pid_, number);
}

bool child_process::is_running() {
  if (!ended_)
    ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return !ended_;
}

std::string child_process::complaints() const {
  std::string out(4'000, '\0');
  const auto size = lseek(errors_, 0, SEEK_END);
  const auto from = size > 4'000 ? size - 4'000 : 0;
  const auto n = pread(errors_, out.data(), out.size(), from);
  out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  while (out.ends_with('\n'))
    out.pop_back();
  return out;
}

result<void> child_process::finish() {
  close_input();
  while (!read().empty()) {
  }
  while (!ended_ && waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  ended_ = true;
  if (WIFEXITED(status_) && WEXITSTATUS(status_) == 0)
    return {};
  const auto how = WIFEXITED(status_) ? fmt::format("failed with {}", WEXITSTATUS(status_))
                                      : fmt::format("was ended by signal {}", WTERMSIG(status_));
  return error{errc::unavailable, fmt::format("{} {}: {}", name_, how, complaints())};
}

} // namespace pricing::operations
