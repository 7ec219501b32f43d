// Tries to make a file in every folder that this container sees, and prints the folders in which it could; then prints
// who it was and what it may do. Linked statically: the images hold nothing that could run it.
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace {

void try_below(const std::string& folder) {
  const std::string file = folder + "/written-by-a-test";
  const int f = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (f >= 0) {
    close(f);
    unlink(file.c_str());
    std::printf("wrote %s\n", folder.empty() ? "/" : folder.c_str());
  }
  DIR* open_folder = opendir(folder.empty() ? "/" : folder.c_str());
  if (!open_folder)
    return;
  while (const dirent* entry = readdir(open_folder)) {
    const std::string path = folder + "/" + entry->d_name;
    struct stat what {};
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0 || path == "/proc" ||
        path == "/sys" || lstat(path.c_str(), &what) != 0)
      continue;
    if (S_ISDIR(what.st_mode))
      try_below(path);
    else if (S_ISREG(what.st_mode) && access(path.c_str(), W_OK) == 0)
      std::printf("could change %s\n", path.c_str());
  }
  closedir(open_folder);
}

} // namespace

int main() {
  try_below("");
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("Uid:", 0) == 0 || line.rfind("Cap", 0) == 0 || line.rfind("NoNewPrivs:", 0) == 0)
      std::puts(line.c_str());
}
