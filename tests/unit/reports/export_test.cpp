// Exports through routes and job, on a real PostgreSQL; the files are read back. XLSX is opened in tests/system.
#include "reports/export_job.hpp"
#include "reports/export_routes.hpp"
#include "support/api_call.hpp"
#include "support/postgres_server.hpp"
#include "support/process.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>

using namespace pricing;
using namespace pricing::reports;
using http::method;
namespace json = boost::json;

namespace {

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  std::string text(1 << 20, '\0');
  text.resize(static_cast<std::size_t>(gzread(file.get(), text.data(), static_cast<unsigned>(text.size()))));
  std::vector<std::string> out;
  for (std::size_t at = 0, end = 0; (end = text.find("\r\n", at)) != std::string::npos; at = end + 2)
    out.push_back(text.substr(at, end - at));
  return out;
}

class export_test : public testing::Test {
 protected:
  void SetUp() override {
    postgres::session owner(server.owner_url());
    owner.execute("insert into users (id, email, name, password_hash) overriding system value values (1, "
                  "'e@example.org', 'E', 'x') on conflict do nothing");
    session.begin(organization);
    session.execute("insert into items (organization_id, code, name, normalized_name, unit) values ($1, 'P1', "
                    "'Pipe, 6\" \"ribbed\"', 'pipe', 'ft'), ($1, 'F1', '=HYPERLINK(1)', 'formula', 'ea')",
                    organization);
    session.execute("insert into price_observations (organization_id, item_id, observed_on, kind, rank, price, "
                    "quantity, currency, upload_id, source_row, row_key) select $1, id, date '2024-01-15' + "
                    "make_interval(months => n), 1, 1, 10 + n, 2, 'USD', 1, 1, row_number() over () from items, "
                    "generate_series(0, 2) n",
                    organization);
    session.commit();
  }
  std::pair<int, json::value> ask(method verb, const std::string& path, const json::value& body = nullptr) {
    const auto routes = [this](postgres::pool& pool) { return export_routes(pool, objects, cpu); };
    return test::call(server.app_url(), routes, verb == method::get ? "export.read" : "export.create", organization,
                      {verb, "/api/v1/exports" + path, {}, body.is_null() ? "" : json::serialize(body)});
  }
  std::int64_t asked(const json::value& body) {
    const auto [status, view] = ask(method::post, "", body);
    EXPECT_EQ(status, 202) << json::serialize(view);
    return view.at("id").to_number<std::int64_t>();
  }
  std::filesystem::path file_of(std::int64_t id, const std::string& extension) const {
    return folder / "exports" / std::to_string(organization.value) / (std::to_string(id) + "." + extension);
  }
  result<export_out> run(std::int64_t id) { return run_export(session, objects, {organization, id, {}, {}, {}}); }

  test::postgres_server& server = test::postgres_server::instance();
  const organization_id organization = server.new_organization();
  postgres::session session{server.app_url()};
  const std::filesystem::path folder = test::make_temporary_folder(false);
  storage::folder_store objects{folder};
  net::cpu_pool cpu{1, 8};
};

TEST_F(export_test, writes_what_was_asked_for) {
  const auto id = asked({{"dataset", "prices"}, {"filter", {{"from", "2024-02-01"}, {"until", "2024-03-01"}}}});
  EXPECT_EQ(ask(method::get, "/" + std::to_string(id)).second.at("state"), "waiting");
  EXPECT_EQ(ask(method::get, "/" + std::to_string(id) + "/file").first, 409);
  const auto done = run(id);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->rows, 2);
  const auto view = ask(method::get, "/" + std::to_string(id)).second;
  EXPECT_EQ(view.at("state"), "ready");
  EXPECT_EQ(view.at("bytes").to_number<std::uintmax_t>(), std::filesystem::file_size(file_of(id, "csv.gz")));
  const auto lines = lines_of(file_of(id, "csv.gz"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "date,item code,item,unit,supplier,event,event name,place,kind,line,rank,quantity,unit price,"
                      "amount,currency");
  const std::vector<std::string> rows(lines.begin() + 1, lines.end());
  EXPECT_NE(std::ranges::find(rows, "2024-02-15,P1,\"Pipe, 6\"\" \"\"ribbed\"\"\",ft,,,,,bid,,1,2.0000,11.0000,,USD"),
            rows.end());
  EXPECT_NE(std::ranges::find(rows, "2024-02-15,F1,\"'=HYPERLINK(1)\",ea,,,,,bid,,1,2.0000,11.0000,,USD"), rows.end())
      << "a spreadsheet must not take a name for a formula";
}

TEST_F(export_test, runs_again_without_harm) {
  const auto id = asked({{"dataset", "items"}, {"format", "xlsx"}});
  ASSERT_TRUE(run(id));
  const auto before = std::filesystem::last_write_time(file_of(id, "xlsx"));
  const auto again = run(id);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->rows, 2);
  EXPECT_EQ(std::filesystem::last_write_time(file_of(id, "xlsx")), before);
}

TEST_F(export_test, a_schedule_needs_no_row) {
  const auto done = run_export(session, objects, {organization, {}, {}, {}, {}});
  ASSERT_TRUE(done) << done.error().message;
  const auto all = ask(method::get, "").second.at("data").as_array();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].at("dataset"), "report");
  EXPECT_EQ(all[0].at("format"), "xlsx");
  EXPECT_TRUE(std::filesystem::exists(file_of(done->export_id, "xlsx")));
  EXPECT_EQ(run_export(session, objects, {organization, {}, "nothing", {}, {}}).error().code, errc::invalid_input);
}

TEST_F(export_test, refuses_what_cannot_be_written) {
  EXPECT_EQ(ask(method::post, "", {{"dataset", "nothing"}}).first, 422);
  EXPECT_EQ(ask(method::post, "", {{"dataset", "report"}, {"format", "csv"}}).first, 422);
  EXPECT_EQ(ask(method::post, "", {{"dataset", "items"}, {"filter", {{"item_id", 1}}}}).first, 422);
  EXPECT_EQ(
      ask(method::post, "", {{"dataset", "prices"}, {"filter", {{"from", "2024-02-01"}, {"until", "2024-02-01"}}}})
          .first,
      422);
  for (int i = 0; i < 10; ++i)
    asked({{"dataset", "items"}});
  EXPECT_EQ(ask(method::post, "", {{"dataset", "items"}}).first, 409);
}

TEST_F(export_test, deletes_the_file_too_and_old_ones_by_themselves) {
  const auto id = asked({{"dataset", "items"}}), old = asked({{"dataset", "movers"}});
  ASSERT_TRUE(run(id));
  ASSERT_TRUE(run(old));
  EXPECT_EQ(ask(method::delete_, "/" + std::to_string(id)).first, 204);
  EXPECT_FALSE(std::filesystem::exists(file_of(id, "csv.gz")));
  EXPECT_EQ(ask(method::delete_, "/" + std::to_string(id)).first, 404);
  EXPECT_EQ(ask(method::get, "/" + std::to_string(id) + "/file").first, 404);

  EXPECT_EQ(remove_old_exports(session, objects, organization, 30), 0);
  session.begin(organization);
  session.execute("update exports set created_at = now() - interval '31 days' where id = $1", old);
  session.commit();
  EXPECT_EQ(remove_old_exports(session, objects, organization, 30), 1);
  EXPECT_FALSE(std::filesystem::exists(file_of(old, "csv.gz")));
}

TEST_F(export_test, one_deleted_on_the_way_leaves_no_file) {
  const auto id = asked({{"dataset", "prices"}});
  postgres::session other(server.app_url());
  const auto done = run_export(session, objects, {organization, id, {}, {}, {}}, [&](std::string_view, std::int64_t) {
    other.begin(organization);
    other.execute("delete from exports where id = $1", id);
    other.commit();
  });
  EXPECT_TRUE(done);
  EXPECT_FALSE(std::filesystem::exists(file_of(id, "csv.gz")));
}

TEST_F(export_test, strangers_see_none_of_it) {
  const auto id = asked({{"dataset", "prices"}});
  ASSERT_TRUE(run(id));
  const auto stranger = server.new_organization();
  EXPECT_EQ(run_export(session, objects, {stranger, id, {}, {}, {}}).error().code, errc::not_found);
  const auto own = run_export(session, objects, {stranger, {}, "prices", file_format::csv, {}});
  ASSERT_TRUE(own);
  EXPECT_EQ(own->rows, 0);
}

} // namespace
