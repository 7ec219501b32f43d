#include "wire/json.hpp"

#include <gtest/gtest.h>
#include <random>

namespace pricing::wire {
namespace {

enum class kind { bid, estimate, default_ };
BOOST_DESCRIBE_ENUM(kind, bid, estimate, default_)

struct line {
  text<1, 10> description;
  decimal quantity;
  std::optional<item_id> item;
};
BOOST_DESCRIBE_STRUCT(line, (), (description, quantity, item))

struct base {
  date on;
};
BOOST_DESCRIBE_STRUCT(base, (), (on))

struct order : base {
  kind what = kind::bid;
  list<line, 3> lines;
  bounded<int, 1, 99> lot;
  defaulted<bounded<int, 1, 200>, 50> limit;
  std::optional<email> contact;
  std::map<std::string, double> weights;
  std::tuple<date, double> point;
  boost::json::value extra;
  bool urgent = false;
};
BOOST_DESCRIBE_STRUCT(order, (base), (what, lines, lot, limit, contact, weights, point, extra, urgent))

const char* whole =
    R"({"on":"2024-02-29","what":"default","lines":[{"description":"Asphält","quantity":"12.5","item":7}],
  "lot":9,"contact":"Ann@Example.com","weights":{"a":0.5,"b":1},"point":["2024-01-01",1.25],"extra":{"x":[1]},"urgent":true})";

template <class T>
std::vector<std::string> errors_of(std::string_view text, decode_options options = {}) {
  std::vector<std::string> out;
  const auto r = decode_json<T>(text, options);
  if (!r)
    for (const auto& d : r.error().details)
      out.push_back(d.path + ": " + d.message);
  return out;
}

TEST(json, decodes_every_kind_of_member) {
  const auto o = decode_json<order>(whole);
  ASSERT_TRUE(o) << o.error().message;
  EXPECT_EQ(to_string(o->on), "2024-02-29");
  EXPECT_EQ(o->what, kind::default_);
  ASSERT_EQ(o->lines.size(), 1u);
  EXPECT_EQ(o->lines[0].quantity, decimal::from_units(125'000));
  EXPECT_EQ(o->lines[0].item, item_id{7});
  EXPECT_EQ(o->limit.value, 50);
  const int plain = o->limit;
  EXPECT_EQ(plain, 50);
  EXPECT_EQ(o->contact->value, "ann@example.com");
  EXPECT_EQ(o->weights.at("b"), 1.0);
  EXPECT_EQ(std::get<1>(o->point), 1.25);
  EXPECT_TRUE(o->urgent);
}

TEST(json, encodes_what_it_decodes) {
  const auto o = decode_json<order>(whole).value();
  const auto text = encode(o);
  EXPECT_EQ(text,
            R"({"on":"2024-02-29","what":"default","lines":[{"description":"Asphält","quantity":"12.5","item":7}],)"
            R"("lot":9,"limit":50,"contact":"ann@example.com","weights":{"a":0.5,"b":1},"point":["2024-01-01",1.25],)"
            R"("extra":{"x":[1]},"urgent":true})");
  EXPECT_EQ(encode(decode_json<order>(text).value()), text);
}

TEST(json, names_each_wrong_field_with_its_path) {
  const auto wrong = errors_of<order>(
      R"({"on":"2024-02-30","what":"sale","lines":[{"description":"ok","quantity":"1"},{"description":"","quantity":"x"},
          {"quantity":1,"item":0}],"lot":100,"limit":0,"contact":"nobody","weights":{"a":"1"},"point":[1],"extra":null,"urgent":1})");
  const std::vector<std::string> paths = {"on",
                                          "what",
                                          "lines[1].description",
                                          "lines[1].quantity",
                                          "lines[2].description",
                                          "lines[2].item",
                                          "lot",
                                          "limit",
                                          "contact",
                                          "weights.a",
                                          "point",
                                          "urgent"};
  ASSERT_EQ(wrong.size(), paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i)
    EXPECT_TRUE(wrong[i].starts_with(paths[i] + ": ")) << wrong[i];
  EXPECT_EQ(wrong[1], "what: must be one of bid, estimate, default, not 'sale'");
  EXPECT_EQ(wrong[2], "lines[1].description: must not be empty");
  EXPECT_EQ(wrong[4], "lines[2].description: is required");
  EXPECT_EQ(wrong[6], "lot: must be between 1 and 99");
}

TEST(json, limits_lists_and_the_number_of_errors) {
  EXPECT_EQ(errors_of<order>(R"({"on":"2024-01-01","what":"bid","lot":1,"weights":{},"point":["2024-01-01",1],
              "extra":1,"urgent":false,"lines":[{},{},{},{}]})"),
            std::vector<std::string>{"lines: must have at most 3 elements, not 4"});
  EXPECT_EQ(errors_of<std::vector<int>>("[\"a\",\"a\",\"a\",\"a\"]", {.errors_max = 2}).size(), 2u);
}

TEST(json, counts_characters_not_bytes) {
  EXPECT_TRUE((decode_json<text<1, 3>>("\"äöü\"")));
  EXPECT_FALSE((decode_json<text<1, 3>>("\"abcd\"")));
  EXPECT_FALSE((decode_json<std::string>("\"a\\u0000b\"")));
}

TEST(json, ignores_or_rejects_unknown_members_by_choice) {
  const std::string_view text = R"({"on":"2024-01-01","oops":1})";
  EXPECT_TRUE(decode_json<base>(text));
  EXPECT_EQ(errors_of<base>(text, {.reject_unknown = true}),
            std::vector<std::string>{"oops: is not a known field; known are on"});
}

TEST(json, takes_decimals_as_text_or_number) {
  EXPECT_EQ(decode_json<decimal>("\"45.50\"").value(), decimal::from_units(455'000));
  EXPECT_EQ(decode_json<decimal>("45.5").value(), decimal::from_units(455'000));
  EXPECT_EQ(decode_json<decimal>("45").value(), decimal::from_units(450'000));
  EXPECT_FALSE(decode_json<decimal>("true"));
  EXPECT_FALSE(decode_json<decimal>("1e300"));
}

TEST(json, keeps_integers_within_their_type) {
  EXPECT_EQ(decode_json<int>("3.0").value(), 3);
  EXPECT_FALSE(decode_json<int>("3.5"));
  EXPECT_FALSE(decode_json<std::int16_t>("40000"));
  EXPECT_FALSE(decode_json<std::uint32_t>("-1"));
  EXPECT_FALSE(decode_json<std::int64_t>("18446744073709551615"));
  EXPECT_FALSE(decode_json<int>("1e400"));
}

TEST(json, says_where_the_text_stops_being_json) {
  for (std::string_view text : {"", "{", "{\"a\":1}x", "[1,]", "\"\xff\"", "nul"}) {
    const auto r = parse_json(text);
    ASSERT_FALSE(r) << text;
    EXPECT_EQ(r.error().code, errc::invalid_input);
  }
  EXPECT_FALSE(parse_json(std::string(40, '[') + std::string(40, ']')));
}

TEST(json, escapes_text_and_writes_no_nan) {
  EXPECT_EQ(encode(std::string("a\"\\\n\t\x01")), R"("a\"\\\n\t\u0001")");
  EXPECT_EQ(encode(std::vector<double>{0.1, std::numeric_limits<double>::quiet_NaN()}), "[0.1,null]");
  EXPECT_EQ(encode(std::optional<int>()), "null");
}

TEST(json, reads_every_double_that_it_writes) {
  for (const double v : {0.0, -0.1, 123.0, 8.999e15, 9.1e15, -1.8446744073709552e19, 5.555555555555555e20, 1e22, 1e300})
    EXPECT_EQ(decode_json<double>(encode(v)).value(), v) << encode(v);
  EXPECT_EQ(encode(-0.0), "0"); // what "-0" is read as
}

TEST(json, reads_parameters_from_text) {
  const auto read = [](std::string_view source, auto out) {
    decoder d;
    decode_text(d, json_path{}, source, out);
    return d.failed() ? decltype(std::optional(out))() : std::optional(out);
  };
  EXPECT_EQ(read("12", 0), 12);
  EXPECT_FALSE(read("12a", 0));
  EXPECT_EQ(read("12", std::string()), "12");
  EXPECT_EQ(read("7", item_id{}), item_id{7});
  EXPECT_FALSE(read("-7", item_id{}));
  EXPECT_EQ(read("1", false), true);
  EXPECT_EQ(read("1.5", decimal{}), decimal::from_units(15'000));
  EXPECT_EQ(read("bid", kind::estimate), kind::bid);
  EXPECT_EQ(read("1,2,3", std::vector<int>{}), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ((read("", defaulted<int, 5>{})->value), 5);
}

// Random changes to a good document: decoding ends with a value that encodes and decodes to itself, or with errors.
TEST(json, survives_mutated_documents) {
  std::mt19937 random(11);
  int good = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = whole;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const auto at = random() % text.size();
      if (random() % 2)
        text[at] = static_cast<char>(random());
      else
        text.erase(at, 1 + random() % 6);
    }
    const auto o = decode_json<order>(text);
    good += o ? 1 : 0;
    if (o)
      EXPECT_EQ(encode(decode_json<order>(encode(*o)).value()), encode(*o)) << text;
    else
      EXPECT_FALSE(o.error().message.empty());
  }
  EXPECT_GT(good, 100);
}

TEST(json, reads_times_with_and_without_offset) {
  EXPECT_EQ(to_string(parse_timestamp("2024-01-05T10:20:30.5Z").value()), "2024-01-05T10:20:30.500000Z");
  EXPECT_EQ(to_string(parse_timestamp("2024-01-05T01:20:30+02:00").value()), "2024-01-04T23:20:30.000000Z");
  for (auto wrong : {"2024-01-05", "2024-01-05T25:00:00Z", "2024-01-05T10:20:30", "2024-01-05T10:20:30.Z",
                     "2024-01-05T10:20:30Zx", "2024-13-05T10:20:30Z"})
    EXPECT_FALSE(parse_timestamp(wrong)) << wrong;
}

} // namespace
} // namespace pricing::wire
