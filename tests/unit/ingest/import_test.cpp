// Imports into a real PostgreSQL: exact reconciliation, kill -9, the same file twice, quarantine, match decisions.
#include "ingest/ingest_cli.hpp"
#include "ingest/ingest_tasks.hpp"
#include "ingest/upload_files.hpp"
#include "support/postgres_server.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sys/wait.h>

using namespace pricing;
using namespace pricing::ingest;

namespace {

class ingest_database : public testing::Test {
 protected:
  static std::string make_folder() {
    char name[] = "/tmp/pricing_ingest_XXXXXX";
    return mkdtemp(name);
  }
  ingest_service make_service(import_options options = {}) const {
    const auto url = database_.app_url();
    return ingest_service([url] { return std::make_unique<postgres::session>(url); }, files_in(objects_), clock_,
                          options);
  }
  ~ingest_database() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) const {
    const auto path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  upload_view import(ingest_service& service, const std::string& name, const std::string& text) const {
    const auto reports = import_files(service, organization, {{write(name, text)}, {}, "", true}, {});
    EXPECT_FALSE(reports[0].failure) << reports[0].failure->message;
    return reports[0].upload.value_or(upload_view{});
  }
  std::int64_t count(const std::string& from) const {
    postgres::session s(database_.app_url());
    s.begin(organization);
    return s.query<std::int64_t>("select count(*) from " + from).at(0);
  }
  void expect_exact(const upload_view& u) const {
    const auto id = std::to_string(u.id);
    EXPECT_EQ(u.rows_in, u.loaded + u.quarantined + u.duplicates + u.awaiting);
    EXPECT_EQ(u.loaded, count("price_observations where upload_id = " + id));
    EXPECT_EQ(u.quarantined, count("quarantined_rows where state <> 'fixed' and upload_id = " + id));
    EXPECT_EQ(u.awaiting, count("held_rows where row->>'state' = 'waiting' and upload_id = " + id));
  }

  test::postgres_server& database_ = test::postgres_server::instance();
  const organization_id organization = database_.new_organization();
  const std::string folder_ = make_folder();
  mutable storage::folder_store objects_{folder_ + "/objects"};
  static inline system_clock clock_;
};

const std::string header = "date,item,unit,qty,price,supplier\n";

// Rows of every fate: fresh, repeated, broken, similar to another.
std::string mixed_rows(int rows) {
  std::mt19937 random(5);
  std::string out = header, before;
  for (int i = 0; i < rows; ++i) {
    if (i % 97 == 13) {
      out += before;
      continue;
    }
    const std::string item = i % 50 == 7 ? "abandoned pipe " : i % 50 == 9 ? "galvanised handrails " : "abandon pipe ";
    before = "2024-0" + std::to_string(1 + i % 9) + "-1" + std::to_string(i % 10) + "," + item +
             std::to_string(i % 40) + " inch,ft," + std::to_string(1 + i) + "," +
             (i % 101 == 3 ? "n.a." : std::to_string(random() % 1000)) + ",Supplier " + std::to_string(i % 7) + "\n";
    out += before;
  }
  return out;
}

} // namespace

TEST_F(ingest_database, accounts_for_every_row_and_recognises_the_file_again) {
  auto service = make_service();
  const auto first = import(service, "mixed.csv", mixed_rows(5'000));
  expect_exact(first);
  EXPECT_EQ(first.rows_in, 5'000);
  EXPECT_EQ(first.state, "partial");
  EXPECT_GT(first.quarantined, 40);
  EXPECT_GE(first.duplicates, 50);
  EXPECT_GT(first.awaiting, 0);
  ASSERT_TRUE(first.quality);
  const auto again = import(service, "renamed.csv", mixed_rows(5'000));
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(count("uploads"), 1);
}

TEST_F(ingest_database, loads_nothing_twice_from_another_file_with_the_same_rows) {
  auto service = make_service();
  const auto first =
      import(service, "a.csv", header + "2024-01-02,pipe,ft,1,10,Alpha\n2024-01-03,pipe,ft,1,11,Alpha\n");
  const auto second = import(service, "b.csv",
                             header + "2024-01-03,Pipe,FT,1.0,11.00,\"Alpha, Inc.\"\n2024-01-04,pipe,ft,1,12,Alpha\n");
  expect_exact(second);
  EXPECT_EQ(first.loaded, 2);
  EXPECT_EQ(second.loaded, 1);
  EXPECT_EQ(second.duplicates, 1);
  EXPECT_EQ(count("items"), 1);
  EXPECT_EQ(count("item_statistics where observations = 3 and median_price = 11"), 1);
}

// TimescaleDB makes a chunk for a span of days at its first row, under a lock until the commit: batches that are
// written at once and committed in order must not wait for each other.
TEST_F(ingest_database, loads_many_years_in_batches_at_once) {
  // Of each two batches the first comes late, with its last row, to the year that the second begins with.
  constexpr int batch = 1'000, years = 30;
  std::string text = header;
  for (int i = 0; i < 2 * years * batch; ++i) {
    const bool early = i % (2 * batch) < batch - 1;
    text += std::to_string(early ? 1990 : 1991 + i / (2 * batch)) + "-0" + std::to_string(1 + i % 9) + "-15,pipe " +
            std::to_string(i % 30) + " inch,ft," + std::to_string(1 + i) + ",10,Supplier " + std::to_string(i % 7) +
            "\n";
  }
  auto service = make_service({.batch_rows = batch});
  const auto loaded = import(service, "years.csv", text);
  expect_exact(loaded);
  EXPECT_EQ(loaded.loaded, 2 * years * batch);
}

TEST_F(ingest_database, survives_kill_9_at_any_moment) {
  const auto path = write("killed.csv", mixed_rows(60'000));
  const import_options small{.batch_rows = 1'000};
  std::mt19937 random(11);
  int killed = 0;
  for (int round = 0; round < 12; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      auto service = make_service(small);
      import_files(service, organization, {{path}, {}, "", true}, {});
      _exit(0);
    }
    usleep(20'000 + random() % 250'000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    killed += WIFSIGNALED(status);
    auto service = make_service(small);
    for (const auto& u : *service.uploads(organization, 1'000'000, 10))
      expect_exact(u);
  }
  EXPECT_GT(killed, 0);
  auto service = make_service(small);
  const auto reports = import_files(service, organization, {{path}, {}, "", true}, {});
  ASSERT_TRUE(reports[0].upload) << reports[0].failure->message;
  expect_exact(*reports[0].upload);
  EXPECT_EQ(reports[0].upload->rows_in, 60'000);
  EXPECT_EQ(reports[0].upload->state, "partial");
  EXPECT_EQ(count("uploads"), 1);
}

TEST_F(ingest_database, loads_a_quarantined_row_once_it_is_fixed) {
  auto service = make_service();
  const auto u =
      import(service, "q.csv",
             header + "2024-01-02,pipe,ft,1,10,Alpha\n2024-01-03,pipe,ft,1,abc,Alpha\n2024-99-03,pipe,ft,1,1,Alpha\n");
  const auto rows = service.quarantine(organization, u.id, 0, 10);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].row_number, 3);
  EXPECT_EQ((*rows)[0].column, "price");
  EXPECT_EQ((*rows)[0].raw[4], "abc");
  const auto still_wrong = service.fix(organization, u.id, 3, {"2024-01-03", "pipe", "ft", "1", "x", "Alpha"});
  ASSERT_FALSE(still_wrong);
  EXPECT_EQ(still_wrong.error().code, errc::invalid_input);
  const auto fixed = service.fix(organization, u.id, 3, {"2024-01-03", "pipe", "ft", "1", "12.5", "Alpha"});
  ASSERT_TRUE(fixed) << fixed.error().message;
  EXPECT_EQ(fixed->loaded, 2);
  EXPECT_EQ(fixed->state, "partial");
  expect_exact(*fixed);
  EXPECT_EQ(service.fix(organization, u.id, 3, {}).error().code, errc::conflict);
  const auto dismissed = service.dismiss(organization, u.id, 4);
  ASSERT_TRUE(dismissed);
  EXPECT_EQ(dismissed->state, "completed");
}

TEST_F(ingest_database, applies_a_decision_to_every_row_and_takes_it_back) {
  auto service = make_service();
  import(service, "a.csv", header + "2024-01-02,abandon existing main,ft,1,10,Alpha\n");
  const auto u = import(
      service, "b.csv",
      header + "2024-02-02,abandoned existing main,ft,1,12,Alpha\n2024-02-03,abandoned existing main,ft,1,13,Beta\n");
  EXPECT_EQ(u.awaiting, 2);
  const auto open = service.matches(organization, "pending", "item", 0, 10);
  ASSERT_EQ(open->size(), 1u);
  const auto question = (*open)[0];
  EXPECT_EQ(question.rows, 2);
  ASSERT_EQ(question.candidates.size(), 1u);
  EXPECT_EQ(question.candidates[0].name, "abandon existing main");

  ASSERT_TRUE(service.decide(organization, {}, question.id, question.candidates[0].id));
  auto now = *service.upload(organization, u.id);
  expect_exact(now);
  EXPECT_EQ(now.loaded, 2);
  EXPECT_EQ(now.state, "completed");
  EXPECT_EQ(count("item_statistics where observations = 3"), 1);
  EXPECT_EQ(service.decide(organization, {}, question.id, {}).error().code, errc::conflict);

  // The next load knows, and its rows come back with an undo too.
  const auto learned = import(service, "c.csv", header + "2024-03-03,abandoned existing main,ft,1,14,Beta\n");
  EXPECT_EQ(learned.loaded, 1);
  ASSERT_TRUE(service.undo(organization, question.id));
  for (const auto id : {u.id, learned.id}) {
    now = *service.upload(organization, id);
    expect_exact(now);
    EXPECT_EQ(now.loaded, 0);
    EXPECT_EQ(now.state, "partial");
  }
  EXPECT_EQ(count("item_statistics where observations = 1"), 1);
  EXPECT_EQ(count("item_aliases"), 0);

  ASSERT_TRUE(service.decide(organization, {}, question.id, {}));
  EXPECT_EQ(count("items"), 2);
  ASSERT_TRUE(service.undo(organization, question.id));
  EXPECT_EQ(count("items"), 1);
  expect_exact(*service.upload(organization, u.id));
}

// Things told apart by their size, under the given words.
std::string sizes(int first, int last, const std::string& words) {
  std::string out;
  for (int i = first; i < last; ++i)
    out += "2024-01-02,\"" + words + ", " + std::to_string(i) + " inch\",ft,1,10,Alpha\n";
  return out;
}

TEST_F(ingest_database, learns_from_decisions_whom_the_next_load_need_not_ask) {
  auto service = make_service();
  import(service, "known.csv", header + sizes(0, 40, "abandon existing main") + sizes(0, 40, "install gate valve"));
  const auto asked = import(service, "asked.csv",
                            header + sizes(0, 22, "abandoned existing main") + sizes(0, 22, "install gate valve and"));
  EXPECT_EQ(asked.awaiting, 44);
  // One change of words always is the same thing, the other never.
  for (const auto& question : *service.matches(organization, "pending", "item", 0, 100)) {
    const bool same = question.source_text.starts_with("abandon");
    ASSERT_TRUE(service.decide(organization, {}, question.id,
                               same ? std::optional(question.candidates.at(0).id) : std::nullopt));
  }
  const auto next = import(service, "next.csv",
                           header + sizes(22, 40, "abandoned existing main") + sizes(22, 40, "install gate valve and"));
  expect_exact(next);
  EXPECT_EQ(next.loaded, 36);
  EXPECT_EQ(next.awaiting, 0);
  EXPECT_EQ(count("items where normalized_name like 'abandon%'"), 40);
  EXPECT_EQ(count("items where normalized_name like 'install gate valve and%'"), 40);
  EXPECT_EQ(count("match_decisions where state = 'auto'"), 18);
}

TEST_F(ingest_database, enforces_the_states_and_names_the_allowed_moves) {
  auto service = make_service();
  const auto u = import(service, "a.csv", header + "2024-01-02,pipe,ft,1,10,Alpha\n");
  const auto again = service.start(organization, u.id, true);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::conflict);
  EXPECT_NE(again.error().message.find("it can become"), std::string::npos);
  const auto fresh =
      service.receive(organization, {}, "b.csv", write("b.csv", header + "2024-01-02,kerb,ft,1,10,Alpha\n"));
  EXPECT_EQ(fresh->state, "ready"); // the columns are known by now
  const auto other = service.receive(organization, {}, "c.csv", write("c.csv", "day,thing,cost\n01/02/2024,x,1\n"));
  EXPECT_EQ(other->state, "mapping");
  EXPECT_EQ(service.start(organization, other->id, true).error().code, errc::conflict);
  EXPECT_EQ(service.upload(database_.new_organization(), u.id).error().code, errc::not_found);
}

TEST_F(ingest_database, runs_the_job_that_start_asks_for) {
  auto service = make_service();
  auto u = service.receive(organization, {}, "a.csv", write("a.csv", header + "2024-01-02,pipe,ft,1,10,Alpha\n"));
  ASSERT_TRUE(service.set_mapping(organization, u->id, service.preview(organization, u->id)->suggestion));
  ASSERT_TRUE(service.start(organization, u->id, true));
  EXPECT_EQ(count("jobs where kind = 'import' and state = 'queued'"), 1);
  const auto first = run_import(service, {organization, u->id}, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->loaded, 1);
  EXPECT_EQ(service.upload(organization, u->id)->state, "completed");
  EXPECT_TRUE(run_import(service, {organization, u->id}, {})); // a second delivery does no harm
  EXPECT_EQ(count("price_observations"), 1);
}

TEST_F(ingest_database, refuses_hostile_files_and_keeps_nothing_of_them) {
  auto service = make_service();
  const auto png = service.receive(organization, {}, "prices.csv", write("prices.csv", "\x89PNG\r\n\x1a\n...."));
  ASSERT_FALSE(png);
  EXPECT_EQ(png.error().code, errc::unsupported_media);
  const auto truncated =
      service.receive(organization, {}, "t.csv.gz", write("t.csv.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\3+", 11)));
  ASSERT_TRUE(truncated);
  EXPECT_EQ(truncated->state, "failed");
  EXPECT_NE(truncated->error->find("ends early"), std::string::npos);
  EXPECT_EQ(count("price_observations"), 0);
}
