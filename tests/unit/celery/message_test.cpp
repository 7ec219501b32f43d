#include "celery/keys.hpp"
#include "celery/message.hpp"

#include "support.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace pricing::celery {
namespace {

// Every task message of the captures, with the list it went to.
std::vector<std::pair<std::string, std::string>> captured_tasks() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto* file : {"client_publish.monitor.txt", "worker_session.monitor.txt"})
    for (const auto& words : test::commands(file))
      if (words[0] == "LPUSH" && words[1].find("pidbox") == std::string::npos)
        out.emplace_back(words[1], words[2]);
  return out;
}

message captured(const std::string& id) {
  for (const auto& [key, raw] : captured_tasks())
    if (auto m = message::parse(raw); m && m->id == id)
      return std::move(*m);
  throw std::runtime_error("not captured: " + id);
}

// A message of protocol 2 with this body, encoding and further members of headers.
std::string envelope(const std::string& body, const std::string& type = "application/json",
                     const std::string& encoding = "utf-8", const std::string& headers = "") {
  std::string out = R"({"body": )";
  append_json_string(out, body);
  return out + R"(, "content-encoding": "utf-8", "content-type": ")" + type +
         R"(", "headers": {"task": "t", "id": "i")" + headers + R"(}, "properties": {"body_encoding": ")" + encoding +
         R"(", "delivery_tag": "d", "delivery_info": {"exchange": "", "routing_key": "q"}}})";
}

TEST(celery_message_rules, reads_and_writes_captured_messages_byte_for_byte) {
  int same = 0;
  for (const auto& [key, raw] : captured_tasks()) {
    const auto m = message::parse(raw);
    ASSERT_TRUE(m) << raw;
    EXPECT_FALSE(m->problem) << raw;
    key_names keys;
    EXPECT_EQ(keys.queue(m->routing_key, m->priority), key);
    // Protocol 1, compressed bodies and retries (which Celery 5.2 gives stray properties) are written differently.
    if (m->protocol == 1 || m->headers().contains("compression") || m->retries > 0 || m->argsrepr.empty())
      continue;
    auto again = resend(*m);
    if (const auto* e = m->envelope().at("properties").get_object().if_contains("expiration"))
      again.expiration_ms = std::stoll(std::string(e->get_string()));
    EXPECT_EQ(encode(again, m->delivery_tag), raw);
    ++same;
  }
  EXPECT_GT(same, 15);
}

TEST(celery_message_rules, reads_every_header_of_a_scheduled_message) {
  const auto m = captured("eta-prio5");
  EXPECT_EQ(m.task, "capp.add");
  EXPECT_EQ(to_iso(m.eta.value()), "2026-11-23T15:28:16.648355+00:00");
  EXPECT_EQ(to_iso(m.expires.value()), "2026-11-23T15:29:46.648355+00:00");
  EXPECT_EQ(m.priority, 5);
  EXPECT_EQ(m.args().size(), 2u);
  const auto linked = captured("prio9-links");
  EXPECT_EQ(linked.limits.hard_s, 10);
  EXPECT_EQ(linked.limits.soft_s, 5);
  ASSERT_TRUE(linked.callbacks());
  EXPECT_EQ(linked.callbacks()->at(0).at("task").as_string(), "capp.add");
  ASSERT_TRUE(linked.errbacks());
  EXPECT_EQ(linked.errbacks()->at(0).at("task").as_string(), "capp.onerr");
}

TEST(celery_message_rules, unpacks_a_compressed_body) {
  const auto m = captured("zlib-1");
  EXPECT_EQ(repr(m.args()), "[1, 2]");
}

TEST(celery_message_rules, reads_protocol_1) {
  int found = 0;
  for (const auto& [key, raw] : captured_tasks())
    if (const auto m = message::parse(raw); m && m->protocol == 1) {
      ++found;
      EXPECT_EQ(m->task, "capp.add");
      EXPECT_EQ(m->args().size(), 2u);
      EXPECT_FALSE(m->id.empty());
    }
  EXPECT_EQ(found, 1);
}

TEST(celery_message, reads_the_hybrid_form_and_a_plain_text_body) {
  const auto m = message::parse(envelope(R"({"args": [3], "kwargs": {"y": 4}, "callbacks": [{"task": "c"}]})"));
  ASSERT_TRUE(m && !m->problem);
  EXPECT_EQ(m->protocol, 2);
  EXPECT_EQ(repr(m->args()), "[3]");
  EXPECT_EQ(m->kwargs().at("y").as_int64(), 4);
  ASSERT_TRUE(m->callbacks());
}

TEST(celery_message, refuses_what_is_no_envelope) {
  for (const std::string raw : {"", "{", "[]", "1", "{}", R"({"properties": 1})", R"({"body": "\x"})", "\xff\xfe"})
    EXPECT_FALSE(message::parse(raw)) << raw;
}

TEST(celery_message, names_what_is_wrong_with_a_body_and_still_knows_the_id) {
  struct wrong {
    std::string raw;
    errc code;
  };
  const std::string deep(200, '[');
  for (const auto& w :
       {wrong{envelope("gASV", "application/x-python-serialize", "base64"), errc::unsupported_media},
        wrong{envelope("!!", "application/json", "base64"), errc::invalid_input},
        wrong{envelope("[1]"), errc::invalid_input}, wrong{envelope("[[], [], {}]"), errc::invalid_input},
        wrong{envelope("7"), errc::invalid_input}, wrong{envelope(deep), errc::invalid_input},
        wrong{envelope("AAAA", "application/json", "base64", R"(, "compression": "application/x-lzma")"),
              errc::unsupported_media},
        wrong{envelope("AAAA", "application/json", "base64", R"(, "compression": "application/x-gzip")"),
              errc::invalid_input}}) {
    const auto m = message::parse(w.raw);
    ASSERT_TRUE(m) << w.raw;
    EXPECT_EQ(m->id, "i");
    ASSERT_TRUE(m->problem) << w.raw;
    EXPECT_EQ(m->problem->code, w.code) << w.raw << m->problem->message;
  }
}

TEST(celery_message, stops_unpacking_at_the_limit) {
  // 100 kB of spaces, packed by zlib to about 120 bytes.
  const std::string bomb = "eJztwTEBAAAAwqD1T20JT6AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  message_limits small;
  small.body_bytes_max = 1'000;
  const auto raw = envelope(bomb, "application/json", "base64", R"(, "compression": "application/x-gzip")");
  const auto m = message::parse(raw, small);
  ASSERT_TRUE(m && m->problem);
  EXPECT_NE(m->problem->code, errc::unsupported_media);
  small.envelope_bytes_max = 10;
  EXPECT_EQ(message::parse(raw, small).error().code, errc::too_large);
}

TEST(celery_message_rules, marks_a_redelivery_as_celery_does) {
  // Its restored messages are RPUSHed by the worker that shuts down.
  int found = 0;
  for (const auto& words : test::commands("worker_session.monitor.txt"))
    if (words[0] == "RPUSH") {
      const auto restored = message::parse(words[2]);
      ASSERT_TRUE(restored);
      EXPECT_TRUE(restored->redelivered);
      ++found;
      for (const auto& [key, raw] : captured_tasks())
        if (const auto before = message::parse(raw); before && before->id == restored->id) {
          EXPECT_EQ(boost::json::parse(mark_redelivered(raw)), boost::json::parse(words[2]));
        }
    }
  EXPECT_GE(found, 1);
  EXPECT_EQ(mark_redelivered("garbage"), "garbage");
}

TEST(celery_text, writes_json_and_repr_as_python_does) {
  const auto v = boost::json::parse(R"({"a": [1, -2.5, 1e20, 1.0, null, true], "ü\n": "ž😀\u0001\"", "e": 0.00001})");
  EXPECT_EQ(to_python_json(v),
            R"({"a": [1, -2.5, 1e+20, 1.0, null, true], "\u00fc\n": "\u017e\ud83d\ude00\u0001\"", "e": 1e-05})");
  EXPECT_EQ(repr(boost::json::parse(R"([1, "it's", "\n", null, false, {"k": 1.5}])")),
            R"([1, "it's", '\n', None, False, {'k': 1.5}])");
  EXPECT_EQ(repr(boost::json::parse("[1]"), 1024, brackets::tuple), "(1,)");
  EXPECT_EQ(repr(boost::json::parse(R"(["0123456789"])"), 8), "['012...");
}

TEST(celery_text, reads_base64_strictly) {
  for (const std::string s : {"", "f", "fo", "foo", "foob", "\xff\x00\x7f"}) {
    std::string text;
    append_base64(text, s);
    EXPECT_EQ(from_base64(text).value(), s);
  }
  for (const std::string s : {"A", "AA=A", "A===", "AA\nA", "AAA*", "AA"})
    EXPECT_FALSE(from_base64(s)) << s;
}

TEST(celery_text, reads_times_with_and_without_a_zone) {
  const auto at = from_iso("2026-11-23T14:53:19.228523+00:00").value();
  EXPECT_EQ(from_iso("2026-11-23T14:53:19.228523").value(), at);
  EXPECT_EQ(from_iso("2026-11-23T14:53:19.228523Z").value(), at);
  EXPECT_EQ(from_iso("2026-11-23T16:53:19.228523+02:00").value(), at);
  EXPECT_EQ(to_iso(at), "2026-11-23T14:53:19.228523+00:00");
  EXPECT_EQ(to_iso(std::chrono::floor<std::chrono::seconds>(at)), "2026-11-23T14:53:19+00:00");
  EXPECT_FALSE(from_iso("tomorrow"));
}

TEST(celery_keys, name_lists_by_priority_and_read_bindings) {
  key_names keys;
  EXPECT_EQ(keys.queue("q", 0), "q");
  EXPECT_EQ(keys.queue("q", 2), "q");
  EXPECT_EQ(keys.queue("q", 5), "q\x06\x16"
                                "3");
  EXPECT_EQ(keys.queue("q", 99), "q\x06\x16"
                                 "9");
  EXPECT_EQ(keys.queue("q", -4), "q");
  EXPECT_EQ(keys.event_channel("worker-heartbeat"), "/0.celeryev/worker.heartbeat");
  const auto b = parse_binding(binding_member("rk", "", "queue"));
  EXPECT_EQ(b.routing_key, "rk");
  EXPECT_EQ(b.queue, "queue");
  EXPECT_EQ(parse_binding("x").queue, "");
}

} // namespace
} // namespace pricing::celery
