#pragma once
// A program run for us: PostgreSQL's tools and tar. Its output is read as a stream, its complaints are kept; it ends
// with this process, however that ends.
#include "core/error.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::operations {

struct child_command {
  std::vector<std::string> words;
  std::map<std::string, std::string> environment{}; // besides ours; secrets go here, never on the command line
  bool as_database_user = false;                    // PostgreSQL refuses to run as root: then as its user
  bool detached = false;                            // goes on after us
  std::filesystem::path output{};                   // both outputs go to this file when set
};

class child_process {
 public:
  // Throws std::system_error when nothing can be started; a program that is not there ends with 127.
  explicit child_process(const child_command& c);
  ~child_process(); // kills one that still runs, unless detached
  child_process(const child_process&) = delete;

  // Bytes of its standard output; empty at the end. Valid until the next call.
  std::string_view read();
  // To its standard input; unavailable when it does not listen any more.
  result<void> write(std::string_view bytes);
  void close_input();
  void signal(int number);
  bool is_running();
  int pid() const { return pid_; }
  // Closes its input, reads its output to the end and waits: unavailable with its last words when it failed.
  result<void> finish();

 private:
  std::string complaints() const;
  std::string name_;
  int pid_ = -1, in_ = -1, out_ = -1, errors_ = -1;
  bool detached_, ended_ = false;
  int status_ = 0;
  std::string buffer_;
};

// The user that PostgreSQL runs as: "postgres" when we are root, else nobody else ("").
std::string database_user();
// Gives a folder or file to that user; nothing to do unless root.
void give_to_database_user(const std::filesystem::path& path);

} // namespace pricing::operations
