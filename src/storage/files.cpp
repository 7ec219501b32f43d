#include "storage/files.hpp"

#include <cstdlib>
#include <fstream>
#include <system_error>

#include <unistd.h>

namespace pricing::storage {
local_file temporary_file() {
  std::string name = (std::filesystem::temp_directory_path() / "pricing-object-XXXXXX").string();
  if (!::mkdtemp(name.data()))
    throw std::system_error(errno, std::generic_category(), "storage: a temporary folder");
  const std::filesystem::path folder(name);
  return {folder / "object", std::shared_ptr<const void>(nullptr, [folder](const void*) {
            std::error_code ignored;
            std::filesystem::remove_all(folder, ignored);
          })};
}

std::string text_of_file(const std::filesystem::path& path, std::size_t most) {
  std::ifstream in(path, std::ios::binary);
  std::string out(most, '\0');
  in.read(out.data(), static_cast<std::streamsize>(most));
  out.resize(static_cast<std::size_t>(in.gcount()));
  return out;
}

} // namespace pricing::storage
