// Proposals out of files and pasted text.
#include "sourcing/proposal_reader.hpp"

#include "http/compress.hpp"

#include <gtest/gtest.h>

#include <zip.h>

#include <filesystem>
#include <fstream>
#include <random>

using namespace pricing;
using namespace pricing::sourcing;

namespace {

const reading_options options{"USD", *parse_date("2026-01-15"), std::nullopt};

decimal dec(const char* text) {
  return decimal::parse(text).value();
}

std::string tabulation() {
  return "letting_date,proposal_id,line_num,section,item_description,unit,quantity,vendor_name,bid_price,ext_amount,"
         "vendor_rank\n"
         "2023-01-06,81101,0005,1,\"Mobilization, Max\",LSUM,1,Eng Est,33600.00,33600.00,0\n"
         "2023-01-06,81101,0005,1,\"Mobilization, Max\",LSUM,1,\"Rauh, Inc.\",30000.00,30000.00,1\n"
         "2023-01-06,81101,0005,1,\"Mobilization, Max\",LSUM,1,Ranck,31000.00,31000.00,2\n"
         "2023-01-06,81101,0005,1,\"Mobilization, Max\",LSUM,1,Third,32000.00,32000.00,3\n"
         "2023-01-06,81101,0010,1,HMA 4E3,Ton,\"1,200.5\",Eng Est,95.00,114047.50,0\n"
         "2023-01-06,81101,0010,1,HMA 4E3,Ton,\"1,200.5\",\"Rauh, Inc.\",101.25,121550.63,1\n"
         "2023-01-06,81101,0010,1,HMA 4E3,Ton,\"1,200.5\",Ranck,99.00,118849.50,2\n"
         "2023-01-06,81101,0010,1,HMA 4E3,Ton,\"1,200.5\",Third,98.00,117649.00,3\n";
}

TEST(read_file, three_bidders_and_an_estimate) {
  const auto read = read_file(tabulation(), "bids.csv", options);
  ASSERT_TRUE(read) << read.error().message;
  const auto& p = read->content;
  ASSERT_EQ(p.lines.size(), 2U);
  EXPECT_EQ(p.name->value, "81101");
  EXPECT_EQ(p.place->value, "81");
  EXPECT_EQ(to_string(*p.on), "2023-01-06");
  EXPECT_EQ(p.lines[1].line->value, "0010");
  EXPECT_EQ(p.lines[1].section->value, "1");
  EXPECT_EQ(p.lines[1].quantity, dec("1200.5"));
  ASSERT_EQ(p.lines[1].prices.size(), 3U) << "the estimate is no bidder";
  EXPECT_EQ(p.lines[1].prices[0].supplier.value, "Rauh, Inc.");
  EXPECT_EQ(p.lines[1].prices[0].price, dec("101.25"));
  EXPECT_TRUE(read->notes.empty());
}

TEST(read_file, reads_gzip) {
  const auto packed = http::gzip(tabulation(), 6);
  const auto read = read_file(packed, "bids.csv.gz", options);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->content.lines.size(), 2U);
}

// A workbook of one sheet; cells that start with '=' are numbers.
std::string workbook(const std::vector<std::vector<std::string>>& rows) {
  std::string sheet = "<worksheet><sheetData>";
  for (const auto& row : rows) {
    sheet += "<row>";
    for (const auto& cell : row)
      sheet += cell.starts_with('=') ? "<c><v>" + cell.substr(1) + "</v></c>"
                                     : "<c t=\"inlineStr\"><is><t>" + cell + "</t></is></c>";
    sheet += "</row>";
  }
  const std::vector<std::pair<std::string, std::string>> parts = {
      {"xl/workbook.xml", "<workbook><sheets><sheet name=\"s\" r:id=\"r1\" xmlns:r=\"r\"/></sheets></workbook>"},
      {"xl/_rels/workbook.xml.rels",
       "<Relationships><Relationship Id=\"r1\" Target=\"worksheets/sheet1.xml\"/></Relationships>"},
      {"xl/worksheets/sheet1.xml", sheet + "</sheetData></worksheet>"}};
  const auto path =
      std::filesystem::temp_directory_path() / ("pricing_proposal_" + std::to_string(::getpid()) + ".zip");
  int failed = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &failed);
  for (const auto& [name, xml] : parts)
    zip_file_add(archive, name.c_str(), zip_source_buffer(archive, xml.data(), xml.size(), 0), 0);
  zip_close(archive);
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(path);
  return bytes;
}

TEST(read_file, reads_a_workbook) {
  const auto read = read_file(workbook({{"Description", "Unit", "Quantity", "Supplier", "Unit price"},
                                        {"Pipe, 6 inch", "ft", "=10", "Acme", "=12.5"},
                                        {"Pipe, 6 inch", "ft", "=10", "Bolt", "=13.75"}}),
                              "offer.xlsx", options);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->content.lines.size(), 1U);
  ASSERT_EQ(read->content.lines[0].prices.size(), 2U);
  EXPECT_EQ(read->content.lines[0].prices[1].price, dec("13.75"));
}

TEST(read_file, one_row_per_line_without_a_supplier) {
  const auto read =
      read_file("Description;Qty;UoM;Unit price\nPipe, 6 inch;10;ft;12,50\nValve;2;ea;1.200,00\n;;;\nTotal;;;2525,00\n",
                "offer.csv", options);
  ASSERT_TRUE(read) << read.error().message;
  const auto& p = read->content;
  ASSERT_EQ(p.lines.size(), 2U);
  EXPECT_EQ(p.lines[1].prices.at(0).supplier.value, "Quote");
  EXPECT_EQ(p.lines[1].prices[0].price, dec("1200"));
  EXPECT_EQ(*p.on, options.today);
}

TEST(read_file, the_same_item_twice_makes_two_lines) {
  const auto read =
      read_file("description,unit,quantity,vendor,unit price\nPipe,ft,10,A,1\nPipe,ft,10,B,2\nPipe,ft,10,A,3\n",
                "offer.csv", options);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->content.lines.size(), 2U);
  EXPECT_EQ(read->content.lines[0].prices.size(), 2U);
  EXPECT_EQ(read->content.lines[1].prices.at(0).price, dec("3"));
}

TEST(read_file, an_estimate_without_ranks_is_no_bidder) {
  const auto read =
      read_file("description,unit,quantity,vendor,unit price\nPipe,ft,10,Engineer's Estimate,1\nPipe,ft,10,B,2\n",
                "offer.csv", options);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->content.lines.size(), 1U);
  ASSERT_EQ(read->content.lines[0].prices.size(), 1U);
  EXPECT_EQ(read->content.lines[0].prices[0].supplier.value, "B");
}

TEST(read_file, a_column_of_prices_for_each_bidder) {
  const auto read = read_file("Pos,Item text description,Qty,UoM,Price Acme,Price Bolt Bros.,Price total,Remarks\n"
                              "1,Pipe,10,ft,1.50,1.75,15,\n2,Valve,2,ea,,9.10,18.20,by hand\n",
                              "comparison.csv", options);
  ASSERT_TRUE(read) << read.error().message;
  const auto& p = read->content;
  ASSERT_EQ(p.lines.size(), 2U);
  ASSERT_EQ(p.lines[0].prices.size(), 2U);
  EXPECT_EQ(p.lines[0].prices[0].supplier.value, "Acme");
  EXPECT_EQ(p.lines[0].prices[1].supplier.value, "Bolt Bros.");
  EXPECT_EQ(p.lines[0].quantity, dec("10"));
  EXPECT_EQ(p.lines[1].unit.value, "ea");
  ASSERT_EQ(p.lines[1].prices.size(), 1U);
  EXPECT_EQ(p.lines[1].prices[0].price, dec("9.1"));
}

TEST(read_file, names_row_and_column_of_what_it_cannot_read) {
  const auto read =
      read_file("description,unit,quantity,vendor,unit price\nPipe,ft,10,A,1.50\nValve,ea,2,A,2.50\nBolt,ea,2,A,cheap\n"
                "Nut,ea,-4,A,1.20\n",
                "offer.csv", options);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::invalid_input);
  ASSERT_EQ(read.error().details.size(), 2U);
  EXPECT_EQ(read.error().details[0].path, "row 4, column 'unit price'");
  EXPECT_NE(read.error().details[0].message.find("cheap"), std::string::npos);
  EXPECT_EQ(read.error().details[1].path, "row 5, column 'quantity'");
}

TEST(read_file, refuses_two_proposals_another_currency_and_missing_columns) {
  const auto two =
      read_file("proposal,description,unit,quantity,vendor,unit price\nP1,Pipe,ft,10,A,1.5\nP2,Pipe,ft,10,A,1.5\n",
                "o.csv", options);
  ASSERT_FALSE(two);
  EXPECT_NE(two.error().message.find("one proposal at a time"), std::string::npos) << two.error().message;
  const auto euro = read_file("description,unit,quantity,currency,unit price\nPipe,ft,10,EUR,1.5\n", "o.csv", options);
  ASSERT_FALSE(euro);
  EXPECT_NE(euro.error().message.find("EUR"), std::string::npos) << euro.error().message;
  const auto prices = read_file("description,unit\nPipe,ft\nValve,ea\n", "o.csv", options);
  ASSERT_FALSE(prices);
  EXPECT_NE(prices.error().message.find("Unit price"), std::string::npos) << prices.error().message;
}

TEST(read_file, takes_today_where_dates_are_ambiguous_and_says_so) {
  const std::string text = "bid date,description,unit,quantity,unit price\n05/06/2024,Pipe,ft,10,1.5\n";
  const auto read = read_file(text, "o.csv", options);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read->content.on, options.today);
  ASSERT_EQ(read->notes.size(), 1U);
  auto given = options;
  given.on = *parse_date("2024-06-05");
  const auto again = read_file(text, "o.csv", given);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again->content.on, *given.on);
  EXPECT_TRUE(again->notes.empty());
}

TEST(read_file, has_a_limit_of_lines) {
  std::string text = "description,unit,quantity,unit price\n";
  for (std::size_t i = 0; i < lines_max; ++i)
    text += "Pipe " + std::to_string(i) + ",ft,10,1.5\n";
  EXPECT_TRUE(read_file(text, "o.csv", options));
  const auto more = read_file(text + "Valve,ea,1,2.5\n", "o.csv", options);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, errc::too_large);
}

// Damaged bytes of every kind: an answer each time, and whatever is read fulfils its limits.
TEST(read_file, survives_garbage) {
  std::mt19937 random(7);
  const std::string good = tabulation();
  std::size_t refused = 0;
  for (int i = 0; i < 2'000; ++i) {
    std::string bytes = good;
    const int damage = 1 + static_cast<int>(random() % 40);
    for (int d = 0; d < damage; ++d)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    if (random() % 4 == 0)
      bytes.resize(random() % bytes.size());
    if (random() % 16 == 0)
      bytes.insert(0, random() % 2 ? "\x1f\x8b\x08" : "PK\x03\x04");
    for (const auto& read : {read_file(bytes, "o.csv", options), read_text(bytes, options)}) {
      refused += !read;
      if (!read)
        EXPECT_FALSE(read.error().message.empty());
      else
        for (const auto& line : read->content.lines) {
          ASSERT_EQ(line.description->value.find('\0'), std::string::npos);
          ASSERT_LE(line.unit.value.size(), 200U);
        }
    }
  }
  EXPECT_GT(refused, 100U);
}

struct paste {
  const char* what;
  const char* text;
  std::vector<std::string> lines; // description|unit|quantity|supplier=price ...
};

std::vector<std::string> shown(const proposal& p) {
  std::vector<std::string> out;
  for (const auto& line : p.lines) {
    out.push_back(line.description->value + "|" + line.unit.value + "|" + line.quantity.to_string());
    for (const auto& q : line.prices)
      out.back() += "|" + q.supplier.value + "=" + q.price.to_string();
  }
  return out;
}

class read_text_forms : public testing::TestWithParam<paste> {};

TEST_P(read_text_forms, are_understood) {
  const auto read = read_text(GetParam().text, options);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(shown(read->content), GetParam().lines);
}

INSTANTIATE_TEST_SUITE_P(
    all, read_text_forms,
    testing::Values(
        paste{"tabs",
              "Pipe, 6 inch\tft\t1,200\t$12.50\r\n\r\nValve\tea\t2\t1,300.00\n",
              {"Pipe, 6 inch|ft|1200|Quote=12.5", "Valve|ea|2|Quote=1300"}},
        paste{"commas_in_texts_are_no_decimal_marks", "Pipe, steel\tft\t10\t$5.00\n", {"Pipe, steel|ft|10|Quote=5"}},
        paste{"semicolons_comma_mark",
              "Rohr;m;10,5;1.200,50\nVentil;Stk;2;3,25",
              {"Rohr|m|10.5|Quote=1200.5", "Ventil|Stk|2|Quote=3.25"}},
        paste{"commas_in_descriptions",
              "Pipe, steel, 6 inch, ft, 10, 5.00\nValve, ea, 2, 7.50\n",
              {"Pipe, steel, 6 inch|ft|10|Quote=5", "Valve|ea|2|Quote=7.5"}},
        paste{
            "header_in_another_order", "Price\tQty\tUnit\tDescription\n5.5\t10\tft\tPipe\n", {"Pipe|ft|10|Quote=5.5"}},
        paste{"header_with_bidders",
              "Line\tDescription\tUnit\tQuantity\tAcme\tBolt Bros\tEngineer's "
              "estimate\nA1\tPipe\tft\t10\t5\t6\t4\nA2\tValve\tea\t1\t\t7\t4\n",
              {"Pipe|ft|10|Acme=5|Bolt Bros=6", "Valve|ea|1|Bolt Bros=7"}},
        paste{"header_with_notes",
              "Description\tUnit\tQty\tUnit price\tWeight\tNotes\nPipe\tft\t10\t5\t77\tred\n",
              {"Pipe|ft|10|Quote=5"}},
        paste{"numbered_and_equal_headers",
              "Item\tUnit\tQty\tBid 1\tBid 2\tBid 2\nPipe\tft\t10\t5\t6\t7\n",
              {"Pipe|ft|10|Bid 1=5|Bid 2=6|Bid 2 2=7"}},
        paste{"bidders_without_header", "Pipe\tft\t10\t5\t6\n", {"Pipe|ft|10|Bidder 1=5|Bidder 2=6"}},
        paste{"line_numbers", "1\tPipe\tft\t10\t5\n2\tValve\tea\t1\t7\n", {"Pipe|ft|10|Quote=5", "Valve|ea|1|Quote=7"}},
        paste{"no_unit", "Pipe\t10\t5\n", {"Pipe||10|Quote=5"}},
        paste{"only_a_price", "Pipe\t5\n", {"Pipe||1|Quote=5"}},
        paste{"totals", "Pipe\tft\t10\t5\nTotal\t\t\t50\n", {"Pipe|ft|10|Quote=5"}}),
    [](const auto& p) { return std::string(p.param.what); });

TEST(read_text, says_which_row_is_wrong) {
  const auto read = read_text("Pipe\tft\tten\t5\nValve\tea\t2\tfree\n", options);
  ASSERT_FALSE(read);
  ASSERT_EQ(read.error().details.size(), 2U);
  EXPECT_EQ(read.error().details[0].path, "row 1, quantity");
  EXPECT_EQ(read.error().details[1].path, "row 2, price");
  EXPECT_FALSE(read_text("", options));
  EXPECT_FALSE(read_text("\n\n \n", options));
}

TEST(read_text, refuses_prices_in_another_currency) {
  const auto read = read_text("Pipe\tft\t10\t€5.00\n", options);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("EUR"), std::string::npos) << read.error().message;
}

TEST(read_text, says_what_it_assumed) {
  const auto read = read_text("Pipe\t5\nValve\tea\t3\t-\n", options);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->notes.size(), 2U);
}

} // namespace
