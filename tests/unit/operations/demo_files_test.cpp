#include "operations/demo_files.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>

using namespace pricing::operations;

namespace {

struct temporary_folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("demo_files_" + std::to_string(::getpid()));
  ~temporary_folder() { std::filesystem::remove_all(path); }
};

TEST(demo_files, makes_the_folder_and_both_files) {
  const temporary_folder folder;
  const auto counts = write_demo_files(folder.path / "deep", {.years = 1});
  ASSERT_TRUE(counts);
  std::ifstream history(folder.path / "deep" / demo_history_name), proposal(folder.path / "deep" / demo_proposal_name);
  int rows = -1;
  for (std::string line; std::getline(history, line);)
    ++rows;
  EXPECT_EQ(rows, counts->rows);
  EXPECT_TRUE(proposal.good());
}

TEST(demo_files, says_when_the_folder_cannot_be_made) {
  const temporary_folder folder;
  std::filesystem::create_directories(folder.path);
  std::ofstream(folder.path / "file") << "x";
  const auto counts = write_demo_files(folder.path / "file" / "below", {.years = 1});
  ASSERT_FALSE(counts);
  EXPECT_NE(counts.error().message.find("cannot write"), std::string::npos);
}

} // namespace
