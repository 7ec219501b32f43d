#include "operations/health_monitor.hpp"

#include "wire/json.hpp"

#include <gtest/gtest.h>

#include <map>

namespace pricing::operations {
namespace {

using namespace std::chrono_literals;

probe_answer page(int status, std::string body) {
  probe_answer out;
  out.status = status;
  out.body = std::move(body);
  out.duration_ms = 3;
  return out;
}

// A system in which everything is well.
std::map<std::string, probe_answer> well() {
  return {
      {"/health/live", page(200, R"({"status":"alive"})")},
      {"/health/ready", page(200, R"({"status":"ready"})")},
      {"/health/components", page(200, R"({"status":"healthy","service":"pricing-web","version":"1.2.3","components":[
             {"name":"database","status":"healthy","message":"","duration_ms":1},
             {"name":"cache","status":"healthy","message":"","duration_ms":1},
             {"name":"queue","status":"healthy","message":"1 workers","duration_ms":1},
             {"name":"ml","status":"healthy","message":"","duration_ms":1}]})")}};
}

health_report check(const std::map<std::string, probe_answer>& pages,
                    const std::string& url = "http://127.0.0.1:8000/") {
  return check_health({.url = url}, [&](const probe_request& r) {
    const auto found = pages.find(r.url.substr(r.url.find("/health")));
    return found == pages.end() ? page(404, "") : found->second;
  });
}

std::map<std::string, std::string> statuses(const health_report& r) {
  std::map<std::string, std::string> out;
  for (const auto& c : r.checks)
    out[c.name] = c.status;
  return out;
}

TEST(health_monitor, finds_a_healthy_system_healthy) {
  const auto r = check(well());
  EXPECT_EQ(r.verdict, "healthy");
  EXPECT_EQ(r.checks.size(), 9u);
  const auto s = statuses(r);
  EXPECT_EQ(s.at("database"), "pass");
  EXPECT_EQ(s.at("certificates"), "skip");
  EXPECT_EQ(r.checks.back().message, "1.2.3");
}

TEST(health_monitor, names_the_component_that_is_away) {
  auto pages = well();
  auto& body = pages["/health/components"].body;
  body.replace(body.find(R"("ml","status":"healthy")"), 23, R"("ml","status":"unhealthy")");
  pages["/health/components"].status = 503;
  const auto r = check(pages);
  EXPECT_EQ(r.verdict, "unhealthy");
  auto s = statuses(r);
  EXPECT_EQ(s["ml"], "fail");
  EXPECT_EQ(s["database"], "pass");
  EXPECT_EQ(s["ready"], "pass");
}

TEST(health_monitor, shows_why_a_system_is_not_ready) {
  auto pages = well();
  pages["/health/ready"] = page(503, R"({"status":"not ready","message":"the database does not answer"})");
  const auto r = check(pages);
  EXPECT_EQ(r.verdict, "unhealthy");
  EXPECT_NE(r.checks[1].message.find("the database does not answer"), std::string::npos);
}

TEST(health_monitor, takes_another_servers_page_for_no_answer) {
  for (const auto* body : {"<html>It works!</html>", "", "[]", "null", "{\"status\":7}", "\xff\xfe"}) {
    std::map<std::string, probe_answer> pages;
    for (const auto* path : {"/health/live", "/health/ready", "/health/components"})
      pages[path] = page(200, body);
    const auto r = check(pages);
    EXPECT_EQ(r.verdict, "unhealthy") << body;
    EXPECT_EQ(statuses(r)["live"], "fail") << body;
    EXPECT_EQ(statuses(r)["queue"], "fail") << body;
  }
}

TEST(health_monitor, asks_a_server_that_is_away_once) {
  int asked = 0;
  const auto r = check_health({.url = "http://127.0.0.1:1"}, [&](const probe_request&) {
    ++asked;
    probe_answer none;
    none.failure = "connection refused";
    return none;
  });
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(r.checks.size(), 9u);
  EXPECT_EQ(r.verdict, "unhealthy");
}

TEST(health_monitor, warns_before_a_certificate_expires) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  for (const auto& [left, wanted] :
       {std::pair{90 * 24h, "pass"}, {20 * 24h, "warn"}, {3 * 24h, "fail"}, {-24h, "fail"}}) {
    auto pages = well();
    pages["/health/live"].certificate_expires = now + left;
    EXPECT_EQ(statuses(check(pages, "https://x.example"))["certificates"], wanted) << left.count();
  }
  EXPECT_EQ(statuses(check(well(), "https://x.example"))["certificates"], "fail");
  EXPECT_EQ(statuses(check(well(), "http://x.example"))["certificates"], "warn");
}

TEST(health_monitor, judges_latency) {
  auto pages = well();
  pages["/health/live"].duration_ms = 300;
  EXPECT_EQ(check(pages).verdict, "degraded");
  pages["/health/live"].duration_ms = 3'000;
  EXPECT_EQ(check(pages).verdict, "unhealthy");
}

TEST(health_report, is_valid_json_and_xml_with_any_bytes) {
  std::string every;
  for (int i = 0; i < 256; ++i)
    every += static_cast<char>(i);
  health_report r{.environment = every, .url = every, .checked_at = every, .verdict = "unhealthy"};
  r.checks.push_back({every, "fail", every + "\"]]><&", 1.0, every});
  const auto json = render(r, report_format::json);
  EXPECT_TRUE(wire::parse_json(json)) << json;
  EXPECT_TRUE(wire::decode_json<health_report>(json));
  const auto junit = render(r, report_format::junit);
  EXPECT_EQ(junit.find_first_of(std::string("\x00\x01\x1f\x7f", 4)), std::string::npos);
  EXPECT_NE(junit.find("&quot;"), std::string::npos);
  EXPECT_NE(junit.find("failures=\"1\""), std::string::npos);
}

TEST(health_report, keeps_characters_whole) {
  EXPECT_EQ(printable("é€😀"), "é€😀");
  EXPECT_EQ(printable("\xc3"), "?");
  EXPECT_EQ(printable("\xed\xa0\x80"), "???"); // a surrogate
  EXPECT_EQ(printable("\xc0\xaf"), "??");      // overlong
  EXPECT_EQ(printable("a\nb"), "a b");
  EXPECT_EQ(printable(std::string(1'000, 'x')).size(), 300u);
}

} // namespace
} // namespace pricing::operations
