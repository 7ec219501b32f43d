#include "operations/demo_files.hpp"

#include <fstream>

namespace pricing::operations {
namespace {

template <class Write>
result<demo_counts> write_file(const std::filesystem::path& path, const demo_options& options, Write write) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  const demo_counts counts = write(options, out);
  out.close();
  if (!out)
    return error{errc::unavailable,
                 "cannot write " + path.string() + "; is the folder writable and the disk not full?"};
  return counts;
}

} // namespace

result<demo_counts> write_demo_files(const std::filesystem::path& folder, const demo_options& options) {
  std::error_code ignored; // opening the file tells
  std::filesystem::create_directories(folder, ignored);
  auto proposal = write_file(folder / demo_proposal_name, options, write_demo_proposal);
  if (!proposal)
    return proposal;
  return write_file(folder / demo_history_name, options, write_demo_history);
}

} // namespace pricing::operations
