#include "ingest/mapping.hpp"
#include "ingest/values.hpp"

#include <gtest/gtest.h>

using namespace pricing;
using namespace pricing::ingest;

namespace {
std::string number(std::string_view text, char mark = '.') {
  const auto value = read_number(text, mark);
  return value ? value->to_string() : "none";
}
std::string day(std::string_view text, date_order order) {
  const auto value = read_date(text, order);
  return value ? pricing::to_string(*value) : "none";
}
} // namespace

TEST(read_number, accepts_what_people_write) {
  EXPECT_EQ(number("1,234,567.89"), "1234567.89");
  EXPECT_EQ(number("$14,133.16"), "14133.16");
  EXPECT_EQ(number("USD 12.5"), "12.5");
  EXPECT_EQ(number("12.5 EUR"), "12.5");
  EXPECT_EQ(number("(12.50)"), "-12.5");
  EXPECT_EQ(number("-$3.00"), "-3");
  EXPECT_EQ(number("$-3.00"), "-3");
  EXPECT_EQ(number("12.50-"), "-12.5");
  EXPECT_EQ(number(" 7 "), "7");
  EXPECT_EQ(number(".5"), "0.5");
  EXPECT_EQ(number("5."), "5");
  EXPECT_EQ(number("1.234,5", ','), "1234.5");
  EXPECT_EQ(number("1 234,5", ','), "1234.5");
  EXPECT_EQ(number("1\xC2\xA0"
                   "234,5",
                   ','),
            "1234.5");
  EXPECT_EQ(number("1'234.5"), "1234.5");
  EXPECT_EQ(number("0.00005"), "0.0001");
}

TEST(read_number, refuses_what_is_not_one_number_in_this_notation) {
  for (const auto* text :
       {"",         "-",      "abc", "1,23", "12,34", "1,2,3", "1.2.3", "1e5",  "nan",  "inf",
        "NAN5",     "12%",    "1-2", "--1",  "1 2",   "$",     "()",    "0x10", "=1+1", "999999999999999",
        "1,234,56", "12 inch"})
    EXPECT_EQ(number(text), "none") << text;
  EXPECT_EQ(number("1.5", ','), "none");
  EXPECT_EQ(number("1,500", ','), "1.5");
}

TEST(decimal_mark_evidence, is_none_where_both_readings_fit) {
  EXPECT_EQ(decimal_mark_evidence("1,234"), mark_evidence::none);
  EXPECT_EQ(decimal_mark_evidence("1.234"), mark_evidence::none);
  EXPECT_EQ(decimal_mark_evidence("1,23"), mark_evidence::comma);
  EXPECT_EQ(decimal_mark_evidence("0,234"), mark_evidence::comma);
  EXPECT_EQ(decimal_mark_evidence("1,234.5"), mark_evidence::point);
  EXPECT_EQ(decimal_mark_evidence("1.234,5"), mark_evidence::comma);
  EXPECT_EQ(decimal_mark_evidence("1.234.567"), mark_evidence::comma);
  EXPECT_EQ(decimal_mark_evidence("12"), mark_evidence::none);
}

TEST(read_date, follows_the_order_and_nothing_else) {
  EXPECT_EQ(day("2024-01-05", date_order::ymd), "2024-01-05");
  EXPECT_EQ(day("20240105", date_order::ymd), "2024-01-05");
  EXPECT_EQ(day("2024-01-05 10:20:30", date_order::ymd), "2024-01-05");
  EXPECT_EQ(day("2024-01-05T10:20:30Z", date_order::ymd), "2024-01-05");
  EXPECT_EQ(day("5/1/2024", date_order::dmy), "2024-01-05");
  EXPECT_EQ(day("5.1.24", date_order::dmy), "2024-01-05");
  EXPECT_EQ(day("2-Jun-06", date_order::dmy), "2006-06-02");
  EXPECT_EQ(day("1/5/2024", date_order::mdy), "2024-01-05");
  EXPECT_EQ(day("January 5, 2024", date_order::mdy), "2024-01-05");
  EXPECT_EQ(day("1/1/70", date_order::dmy), "1970-01-01");
  for (const auto* text : {"", "13/13/2024", "30-Feb-2024", "2024", "05-2024", "1/2/3", "n/a", "5/1/12024",
                           "Date Not Captured", "5/1/2024 and more", "45296", "0/0/0000"}) {
    EXPECT_EQ(day(text, date_order::dmy), "none") << text;
    EXPECT_EQ(day(text, date_order::ymd), "none") << text;
  }
  EXPECT_EQ(day("5/1/24", date_order::ymd), "none");
}

TEST(mapping, finds_the_date_in_a_files_name_only_when_there_is_one) {
  const auto name = [](std::string_view text) {
    const auto d = date_in_name(text);
    return d ? pricing::to_string(*d) : std::string("none");
  };
  EXPECT_EQ(name("2024-01-05.xlsx"), "2024-01-05");
  EXPECT_EQ(name("letting 2024_01_05 final.csv"), "2024-01-05");
  EXPECT_EQ(name("bids20240105.csv"), "2024-01-05");
  EXPECT_EQ(name("2024-01-05 to 2024-02-05.csv"), "none");
  EXPECT_EQ(name("bids 123456789.csv"), "none");
  EXPECT_EQ(name("bids.csv"), "none");
}

TEST(mapping, names_everything_that_is_wrong) {
  mapping m;
  m.columns = {{"price", "Cost"}, {"colour", "x"}, {"item_name", "Item"}};
  m.constants = {{"observed_on", "yesterday"}};
  m.decimal_mark = ";";
  m.kind = "gift";
  const auto bound = bind_mapping(m, {"item", "price"}, "a.csv");
  ASSERT_FALSE(bound);
  std::vector<std::string> paths;
  for (const auto& d : bound.error().details)
    paths.push_back(d.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"columns.colour", "columns.price", "constants.observed_on", "decimal_mark",
                                             "kind", "columns.price"}));
}

TEST(mapping, finds_columns_by_any_spelling_and_alternative) {
  mapping m;
  m.columns = {{"item_name", "item_description | Item Description/Supplemental Description"}, {"price", "BID PRICE"}};
  m.constants = {{"observed_on", "{file_date}"}};
  const auto bound = bind_mapping(m, {"bid_price", "Item Description/Supplemental Description"}, "2024-01-05.xlsx");
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_EQ(bound->column[static_cast<std::size_t>(field::item_name)], 1);
  EXPECT_EQ(bound->column[static_cast<std::size_t>(field::price)], 0);
  EXPECT_EQ(bound->constant[static_cast<std::size_t>(field::observed_on)], "2024-01-05");
}

TEST(mapping, fingerprint_ignores_order_case_and_punctuation) {
  EXPECT_EQ(header_fingerprint({"Bid Price", "unit"}), header_fingerprint({"UNIT", "bid_price"}));
  EXPECT_NE(header_fingerprint({"a", "b"}), header_fingerprint({"a", "c"}));
}
