#include "celery/signature.hpp"
#include "celery/task_result.hpp"

#include "support.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <map>

namespace pricing::celery {
namespace {

signature add(int x) {
  return {.task = "capp.add", .args = {x}};
}

message sent(const publication& p) {
  auto m = message::parse(p.payload).value();
  EXPECT_FALSE(m.problem);
  return m;
}

TEST(celery_signature_rules, continues_a_captured_chain_byte_for_byte) {
  std::map<std::string, std::string> raw_of;
  for (const auto& words : test::commands("worker_session.monitor.txt"))
    if (words[0] == "LPUSH" && words[1] == "celery")
      if (const auto m = message::parse(words[2]); m && m->retries == 0)
        raw_of.try_emplace(std::string(m->id), words[2]);
  int continued = 0;
  for (const auto& [id, raw] : raw_of) {
    const auto m = message::parse(raw).value();
    if (!m.chain())
      continue;
    const auto next = parse_signature(m.chain()->back()).value();
    const auto found = raw_of.find(next.options.at("task_id").as_string().c_str());
    if (found == raw_of.end())
      continue;
    const auto expected = message::parse(found->second).value();
    apply_context context;
    context.root_id = m.root_id, context.parent_id = m.id, context.origin = expected.origin;
    const json::array result{expected.args().at(0)};
    const auto plan = apply(next, result, context, {{"chain", json::array()}}).value();
    ASSERT_EQ(plan.messages.size(), 1u);
    auto ours = message::parse(plan.messages[0].payload).value();
    auto again = resend(ours);
    EXPECT_EQ(encode(again, expected.delivery_tag), found->second);
    ++continued;
  }
  EXPECT_GE(continued, 1);
}

TEST(celery_signature, chain_sends_the_first_and_carries_the_rest_reversed) {
  const auto plan = apply(chain({add(1), add(2), add(3)}), {10}, {}).value();
  ASSERT_EQ(plan.messages.size(), 1u);
  const auto first = sent(plan.messages[0]);
  EXPECT_EQ(repr(first.args()), "[10, 1]");
  ASSERT_TRUE(first.chain());
  ASSERT_EQ(first.chain()->size(), 2u);
  EXPECT_EQ(first.chain()->at(0).at("args").as_array(), (json::array{3}));
  EXPECT_EQ(first.chain()->at(0).at("options").at("task_id").as_string(), plan.id);
}

TEST(celery_signature, group_shares_an_id_and_counts_its_members) {
  const auto plan = apply(group({add(1), add(2)}), {}, {}).value();
  ASSERT_EQ(plan.messages.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const auto m = sent(plan.messages[static_cast<std::size_t>(i)]);
    EXPECT_EQ(m.group, plan.id);
    EXPECT_EQ(m.group_index, i);
  }
}

TEST(celery_signature, chord_writes_its_size_and_gives_each_part_the_body) {
  const auto plan =
      apply(chord({add(1), chain({add(2), add(3)}), group({add(4), add(5)})}, {.task = "capp.xsum"}), {}, {}).value();
  ASSERT_EQ(plan.chord_sizes.size(), 1u);
  EXPECT_EQ(plan.chord_sizes[0].second, 4);
  ASSERT_EQ(plan.messages.size(), 4u);
  const auto first = sent(plan.messages[0]);
  ASSERT_TRUE(first.chord());
  EXPECT_EQ(first.chord()->at("options").at("task_id").as_string(), plan.id);
  EXPECT_EQ(first.group, plan.chord_sizes[0].first);
  // Of the chain, only its end is the part of the chord.
  const auto second = sent(plan.messages[1]);
  EXPECT_FALSE(second.chord());
  EXPECT_TRUE(second.group.empty());
  const auto& end = second.chain()->at(0).at("options");
  EXPECT_EQ(end.at("group_id").as_string(), plan.chord_sizes[0].first);
  EXPECT_EQ(end.at("group_index").as_int64(), 1);
  EXPECT_EQ(end.at("chord").at("task").as_string(), "capp.xsum");
}

TEST(celery_signature, group_followed_by_a_step_becomes_a_chord) {
  const auto plan = apply(chain({add(1), group({add(2), add(3)}), {.task = "capp.xsum"}, add(9)}), {}, {}).value();
  const auto first = sent(plan.messages.at(0));
  ASSERT_EQ(first.chain()->size(), 2u);
  const auto next = parse_signature(first.chain()->back()).value();
  EXPECT_EQ(next.subtask_type, "chord");
  json::object rest{{"chain", json::array{first.chain()->front()}}};
  const auto then = apply(next, {7}, {}, rest).value();
  ASSERT_EQ(then.messages.size(), 2u);
  const auto part = sent(then.messages[0]);
  EXPECT_EQ(repr(part.args()), "[7, 2]");
  EXPECT_EQ(part.chord()->at("task").as_string(), "capp.xsum");
  EXPECT_EQ(part.chord()->at("options").at("chain").as_array().size(), 1u);
}

// As a Celery client freezes chain(a, group(b, c), d, e): it waits for the end of the body, and the group has an id.
TEST(celery_signature, a_frozen_chord_keeps_the_ids_its_caller_knows) {
  auto total = signature{.task = "capp.xsum"}, end = add(9);
  total.options["task_id"] = "the-total";
  end.options["task_id"] = "the-end";
  auto frozen = chord({add(1), add(2)}, chain({total, end}));
  frozen.options["task_id"] = "the-group";
  auto header = group({add(1), add(2)});
  header.options["task_id"] = "the-group";
  frozen.kwargs["header"] = to_json(header);
  const auto plan = apply(frozen, {}, {}).value();
  EXPECT_EQ(plan.id, "the-end");
  ASSERT_EQ(plan.chord_sizes.size(), 1u);
  EXPECT_EQ(plan.chord_sizes[0].first, "the-group");
  const auto body = parse_signature(*sent(plan.messages.at(0)).chord()).value();
  const auto then = apply(body, {json::array{3, 4}}, {}).value();
  const auto first = sent(then.messages.at(0));
  EXPECT_EQ(first.id, "the-total");
  EXPECT_EQ(first.chain()->at(0).at("options").at("task_id").as_string(), "the-end");
}

TEST(celery_signature, immutable_takes_no_argument_and_options_reach_the_message) {
  auto s = add(1);
  s.immutable = true;
  s.options = {{"queue", "prices"},      {"priority", 9},
               {"countdown", 30},        {"expires", 120},
               {"shadow", "name"},       {"time_limit", 10},
               {"soft_time_limit", 5.5}, {"task_id", "me"},
               {"headers", {{"k", 1}}},  {"link", {{"task", "next"}}}};
  apply_context context;
  context.now = from_iso("2026-01-01T00:00:00").value();
  context.root_id = "root", context.parent_id = "parent";
  const auto plan = apply(s, {7}, context).value();
  const auto m = sent(plan.messages.at(0));
  EXPECT_EQ(plan.messages[0].queue, "prices");
  EXPECT_EQ(plan.messages[0].priority, 9);
  EXPECT_EQ(m.args().size(), 1u);
  EXPECT_EQ(m.id, "me");
  EXPECT_EQ(to_iso(*m.eta), "2026-01-01T00:00:30+00:00");
  EXPECT_EQ(to_iso(*m.expires), "2026-01-01T00:02:00+00:00");
  EXPECT_EQ(m.limits.soft_s, 5.5);
  EXPECT_EQ(m.root_id, "root");
  EXPECT_EQ(m.parent_id, "parent");
  EXPECT_EQ(m.headers().at("k").as_int64(), 1);
  EXPECT_EQ(m.callbacks()->at(0).at("task").as_string(), "next");
}

TEST(celery_signature, refuses_the_malformed_and_the_endless) {
  EXPECT_FALSE(parse_signature(json::parse("[]")));
  EXPECT_FALSE(parse_signature(json::parse(R"({"task": ""})")));
  EXPECT_FALSE(parse_signature(json::parse(R"({"task": "t", "args": {}})")));
  EXPECT_FALSE(apply({.task = "celery.chain"}, {}, {}));
  EXPECT_FALSE(apply(chain({}), {}, {}));
  auto s = add(1);
  for (int i = 0; i < 60; ++i)
    s = group({s, s.task == "capp.add" ? s : add(2)});
  EXPECT_FALSE(apply(s, {}, {}));
}

TEST(celery_result_rules, writes_the_captured_records_byte_for_byte) {
  int written = 0;
  for (const auto& words : test::commands("worker_session.monitor.txt")) {
    if (words[0] != "SETEX" || words[1].find("task-meta") == std::string::npos)
      continue;
    const auto v = json::parse(words[3]);
    const auto& o = v.as_object();
    const auto text = [&](const char* name) {
      const auto* m = o.if_contains(name);
      return m && m->is_string() ? std::string(m->get_string()) : std::string();
    };
    const auto id = text("task_id"), parent = text("parent_id"), traceback = text("traceback");
    const auto group = text("group_id");

    const auto result = to_python_json(o.at("result")), children = to_python_json(o.at("children"));
    result_record r;
    r.id = id, r.parent_id = parent, r.traceback = traceback, r.result_json = result, r.children_json = children;
    r.group_id = group;
    r.state = state_of(text("status"));
    if (const auto done = text("date_done"); !done.empty())
      r.done = from_iso(done).value();
    EXPECT_EQ(encode(r), words[3]);
    const auto read = parse_outcome(words[3]).value();
    EXPECT_EQ(read.id, id);
    EXPECT_EQ(read.state, r.state);
    ++written;
  }
  EXPECT_GT(written, 8);
}

TEST(celery_result_rules, writes_captured_chord_parts) {
  int parts = 0;
  for (const auto& words : test::commands("worker_session.monitor.txt"))
    if (words[0] == "ZADD" && words[1].ends_with(".j")) {
      const auto part = json::parse(words[3]);
      EXPECT_EQ(chord_part(part.at(1).as_string(), state_of(part.at(2).as_string()), to_python_json(part.at(3))),
                words[3]);
      ++parts;
    }
  EXPECT_GE(parts, 3);
}

TEST(celery_result, maps_errors_to_pythons_exceptions) {
  const auto e = exception_of(invalid_input("boom"));
  EXPECT_EQ(to_python_json(to_json(e)),
            R"({"exc_type": "ValueError", "exc_message": ["boom"], "exc_module": "builtins"})");
  EXPECT_EQ(repr(e), "ValueError('boom')");
  EXPECT_EQ(exception_of({errc::unavailable, "x"}).type, "ConnectionError");
  EXPECT_EQ(
      parse_outcome(R"({"status":"FAILURE","result":{"exc_type":"KeyError","exc_message":["k"]}})")->failure_text(),
      "KeyError: k");
  EXPECT_FALSE(parse_outcome("[]"));
}

} // namespace
} // namespace pricing::celery
