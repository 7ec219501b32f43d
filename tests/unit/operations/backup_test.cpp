#include "operations/backup_manager.hpp"
#include "operations/child_process.hpp"
#include "operations/tar_writer.hpp"
#include "support/process.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include <unistd.h>

namespace pricing::operations {
namespace {

using namespace std::chrono_literals;

timestamp at(const char* text) {
  return parse_timestamp(text).value();
}

TEST(backup_manifest, reads_moments) {
  const auto base = at("2026-11-25T17:53:38Z");
  EXPECT_EQ(to_string(base), "2026-11-25T17:53:38.000000Z");
  EXPECT_EQ(at("2026-11-25 17:53:38.25Z"), base + 250ms);
  EXPECT_EQ(at("2026-11-25T19:53:38+02:00"), base);
  EXPECT_EQ(at("2026-11-25T12:23:38-05:30"), base);
  for (const auto* wrong :
       {"", "now", "2026-11-25", "2026-11-25T17:53:38", "2026-11-25T25:53:38Z", "2026-02-30T17:53:38Z",
        "2026-11-25T17:53:38.Z", "2026-11-25T17:53:38.1234567Z", "2026-11-25T17:53:38+2", "x026-11-25T17:53:38Z"})
    EXPECT_FALSE(parse_timestamp(wrong)) << wrong;
}

TEST(backup_manifest, names_backups_by_their_moment) {
  const auto id = make_backup_id(at("2026-11-25T17:53:38Z"));
  EXPECT_TRUE(id.starts_with("20261125T175338Z-"));
  EXPECT_TRUE(is_backup_id(id));
  EXPECT_EQ(begin_of(id), at("2026-11-25T17:53:38Z"));
  EXPECT_FALSE(is_backup_id("20261325T175338Z-abcdef"));
  EXPECT_FALSE(is_backup_id("20261125T175338Z-ABCDEF"));
  EXPECT_FALSE(is_backup_id(id + "0"));
}

TEST(backup_manifest, knows_its_own_names) {
  EXPECT_TRUE(is_own_name("manifest.json"));
  EXPECT_TRUE(is_own_name("database.00017"));
  for (const auto* strange :
       {"holiday.jpg", "database", "database.1", "database.00001.bak", "database.0000x", "data.00001", ""})
    EXPECT_FALSE(is_own_name(strange)) << strange;
}

const char* const first = "20260101T000000Z-000001";
const char* const second = "20260201T000000Z-000002";
const char* const third = "20260301T000000Z-000003";

std::vector<std::string> gone(const std::vector<backup_choice>& all, const char* keep_from,
                              const std::string& damaged = "") {
  return expired(all, at(keep_from), at("2026-03-02T00:00:00Z"), [&](const auto& id) { return id != damaged; });
}

TEST(backup_cleanup, deletes_what_is_too_old) {
  const std::vector<backup_choice> all{{first, true}, {second, true}, {third, true}};
  EXPECT_EQ(gone(all, "2026-02-15T00:00:00Z"), (std::vector<std::string>{second, first}));
  EXPECT_TRUE(gone(all, "2025-01-01T00:00:00Z").empty());
}

TEST(backup_cleanup, never_deletes_the_last_good_one) {
  const std::vector<backup_choice> all{{first, true}, {second, true}, {third, true}};
  EXPECT_EQ(gone(all, "2027-01-01T00:00:00Z"), (std::vector<std::string>{second, first}));
  EXPECT_EQ(gone(all, "2027-01-01T00:00:00Z", third), (std::vector<std::string>{third, first}));
  EXPECT_TRUE(gone({{first, true}}, "2027-01-01T00:00:00Z").empty());
  EXPECT_TRUE(gone({{first, true}}, "2027-01-01T00:00:00Z", first).empty()); // none is good: hands off
}

TEST(backup_cleanup, deletes_what_a_dead_process_left_but_not_what_is_being_written) {
  EXPECT_EQ(gone({{first, true}, {second, false}}, "2025-01-01T00:00:00Z"), std::vector<std::string>{second});
  EXPECT_TRUE(gone({{first, true}, {"20260301T233000Z-000004", false}}, "2025-01-01T00:00:00Z").empty());
}

TEST(backup_cleanup, keeps_the_log_from_the_oldest_base_on) {
  const std::vector<std::string> archived{"000000010000000000000003.gz",
                                          "000000010000000000000004.gz",
                                          "000000020000000000000005.gz",
                                          "00000002.history.gz",
                                          "archive-wal",
                                          "keep-from"};
  EXPECT_EQ(unneeded_wal(archived, {"000000010000000000000005", "000000010000000000000004"}),
            std::vector<std::string>{"000000010000000000000003.gz"});
  EXPECT_EQ(unneeded_wal(archived, {}).size(), 3u);
}

TEST(backup_location, may_name_one_backup) {
  const auto one = parse_location("/mnt/b/production/20260101T000000Z-000001/");
  EXPECT_EQ(one.root, "/mnt/b");
  EXPECT_EQ(one.environment, "production");
  EXPECT_EQ(one.id, first);
  EXPECT_EQ(parse_location("file:///mnt/b").root, "/mnt/b");
  EXPECT_EQ(parse_location("s3://bucket/prefix/").root, "s3://bucket/prefix");
  EXPECT_TRUE(parse_location("s3://bucket/backup.sql.gz").id.empty());
}

TEST(tar_writer, writes_what_tar_reads) {
  const auto folder = test::make_temporary_folder(false);
  std::ofstream(folder / "file") << std::string(1000, 'x');
  std::ofstream(folder / "empty");
  const std::string long_name = "models/" + std::string(60, 'a') + "/" + std::string(90, 'b');
  {
    std::ofstream out(folder / "a.tar", std::ios::binary);
    tar_writer tar([&out](std::string_view bytes) {
      out << bytes;
      return result<void>();
    });
    ASSERT_TRUE(tar.add("models/one", folder / "file"));
    ASSERT_TRUE(tar.add(long_name, folder / "empty"));
    EXPECT_EQ(tar.add(std::string(101, 'c'), folder / "empty").error().code, errc::invalid_input);
    ASSERT_TRUE(tar.finish());
  }
  child_process tar({.words = {"tar", "-x", "-C", folder.string(), "-f", (folder / "a.tar").string()}});
  ASSERT_TRUE(tar.finish());
  EXPECT_EQ(std::filesystem::file_size(folder / "models/one"), 1000u);
  EXPECT_EQ(std::filesystem::file_size(folder / long_name), 0u);
  std::filesystem::remove_all(folder);
}

// Files only: what needs PostgreSQL is tested with the whole product.
class files_backup : public testing::Test {
 protected:
  files_backup() : folder_(std::filesystem::temp_directory_path() / ("backup_test_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    for (const auto* name : {"objects/models", "k8s", "terraform/modules"})
      std::filesystem::create_directories(folder_ / name);
    write("objects/models/one", std::string(100'000, 'm'));
    write("objects/models/with space", "2");
    write("k8s/base.yaml", "kind: List");
    write("terraform/modules/main.tf", "# nothing");
    config_.manifests = folder_ / "k8s";
    config_.terraform = folder_ / "terraform";
    objects_ = open_location(folder_ / "backups", true);
    store_.emplace(*objects_, "test", seal_key::parse(std::string(64, '1')).value());
  }
  ~files_backup() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }
  std::string read(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  backup_manager manager() { return {*store_, config_}; }
  backup_sources sources() const { return {folder_ / "objects", "http.port = 8000  (default)\n", {}}; }
  std::size_t files_in_backups() const {
    std::size_t out = 0;
    for (const auto& e : std::filesystem::recursive_directory_iterator(folder_ / "backups"))
      out += e.is_regular_file();
    return out;
  }

  std::filesystem::path folder_;
  backup_config config_;
  std::unique_ptr<storage::object_store> objects_;
  std::optional<backup_store> store_;
};

TEST_F(files_backup, restores_what_it_saved) {
  for (const auto* part : {"models", "config", "manifests", "terraform"}) {
    const auto made = manager().back_up(part, sources());
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_TRUE(manager().verify(made->id, part));
  }
  const auto made = manager().back_up("models", sources()).value();
  EXPECT_EQ(manager().verify(made.id, "all").value().files, 2);
  const auto back = manager().restore(made.id, "models", folder_ / "restored", {});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(read(folder_ / "restored/models/models/one"), std::string(100'000, 'm'));
  EXPECT_EQ(read(folder_ / "restored/models/models/with space"), "2");
  EXPECT_EQ(manager().restore(made.id, "models", folder_ / "restored", {}).error().code, errc::conflict);
}

TEST_F(files_backup, leaves_nothing_of_one_that_failed) {
  config_.manifests = folder_ / "nowhere";
  EXPECT_FALSE(manager().back_up("manifests", sources()));
  EXPECT_EQ(files_in_backups(), 0u);
  std::filesystem::permissions(folder_ / "objects", std::filesystem::perms::owner_all);
  EXPECT_FALSE(manager().back_up("nonsense", sources()));
  EXPECT_EQ(manager().verify("", "all").error().code, errc::not_found);
}

TEST_F(files_backup, does_not_believe_another_keys_or_another_places_manifest) {
  const auto made = manager().back_up("config", sources()).value();
  backup_store stranger(*objects_, "test", seal_key::parse(std::string(64, '2')).value());
  EXPECT_EQ(stranger.find(made.id).error().code, errc::invalid_input);
  const auto copy = make_backup_id(at("2026-11-25T17:53:38Z"));
  std::filesystem::copy(folder_ / "backups/test" / made.id, folder_ / "backups/test" / copy);
  EXPECT_EQ(store_->find(copy).error().code, errc::invalid_input);
}

TEST_F(files_backup, cleans_up_its_own_objects_only) {
  const auto old = manager().back_up("config", sources()).value();
  const auto kept = manager().back_up("config", sources()).value();
  std::ofstream(folder_ / "backups/test" / old.id / "note.txt") << "mine";
  std::filesystem::create_directories(folder_ / "backups/test/photos");
  std::ofstream(folder_ / "backups/test/photos/manifest.json") << "{}";
  std::ofstream(folder_ / "backups/manifest.json") << "{}";
  const auto [older, newer] = std::minmax(old.id, kept.id); // both may be of one second
  EXPECT_EQ(manager().clean_up(-1).value(), std::vector<std::string>{older});
  EXPECT_TRUE(store_->find(newer));
  EXPECT_EQ(std::filesystem::exists(folder_ / "backups/test" / old.id / "note.txt"), true);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "backups/test/photos/manifest.json"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "backups/manifest.json"));
}

} // namespace
} // namespace pricing::operations
