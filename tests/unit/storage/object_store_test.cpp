#include "storage/object_store.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace pricing::storage {
namespace {

struct folder {
  folder() {
    char name[] = "/tmp/pricing-storage-XXXXXX";
    path = mkdtemp(name);
  }
  ~folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

TEST(folder_store, replaces_whole_objects_and_lists_them) {
  const folder f;
  folder_store store(f.path);
  ASSERT_TRUE(store.put("models/a", "one"));
  ASSERT_TRUE(store.put("models/a", "two"));
  ASSERT_TRUE(store.put("models/b/c", std::string("\0x", 2)));
  EXPECT_EQ(store.get("models/a").value(), "two");
  EXPECT_EQ(store.size("models/b/c").value(), 2u);
  EXPECT_EQ(store.list("models").value(), (std::vector<std::string>{"models/a", "models/b/c"}));
  ASSERT_TRUE(store.remove("models/a"));
  EXPECT_FALSE(store.exists("models/a").value());
  EXPECT_EQ(store.get("models/a").error().code, errc::not_found);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(f.path))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << "a temporary file was left";
}

TEST(folder_store, does_not_take_what_cannot_be_read_for_absent) {
  const folder f;
  folder_store store(f.path);
  std::filesystem::create_symlink("circle", f.path / "circle");
  EXPECT_EQ(store.get("circle").error().code, errc::unavailable);
  EXPECT_EQ(store.get("nothing").error().code, errc::not_found);
}

TEST(folder_store, takes_and_gives_files) {
  const folder f;
  folder_store store(f.path);
  const auto fill = [](const std::filesystem::path& to) -> result<void> {
    std::ofstream(to) << "text";
    return {};
  };
  ASSERT_TRUE(store.put_file("exports/1", fill));
  EXPECT_EQ(std::filesystem::file_size(store.get_file("exports/1").value().path), 4u);
  EXPECT_EQ(store.get_file("exports/2").error().code, errc::not_found);
  EXPECT_FALSE(store.put_file("exports/2", [](const auto&) { return result<void>(conflict("no")); }));
  EXPECT_FALSE(store.exists("exports/2").value());
}

TEST(folder_store, refuses_keys_that_leave_the_folder) {
  const folder f;
  folder_store store(f.path);
  for (const char* key : {"", "/etc/passwd", "..", "a/../b", "a/", "a//b", "./a", "a/.hidden", "a b", "a\\b"})
    EXPECT_EQ(store.put(key, "x").error().code, errc::invalid_input) << key;
}

TEST(folder_store, refuses_what_is_too_large_and_keeps_what_was_there) {
  const folder f;
  folder_store store(f.path, 3);
  ASSERT_TRUE(store.put("a", "123"));
  EXPECT_EQ(store.put("a", "1234").error().code, errc::too_large);
  EXPECT_EQ(store.get("a").value(), "123");
}

TEST(content_key, is_the_sha256_of_the_bytes) {
  EXPECT_EQ(content_key("u", "abc"), "u/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

} // namespace
} // namespace pricing::storage
