#include "wire/table.hpp"

#include <gtest/gtest.h>
#include <zip.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

using namespace pricing;
using namespace pricing::wire;

namespace {

using rows = std::vector<std::vector<std::string>>;

file_bytes in_memory(std::string bytes) {
  return {{}, std::make_shared<const std::string>(std::move(bytes))};
}

struct read_back {
  rows cells;
  std::vector<std::int64_t> numbers;
  std::vector<std::string> problems;
  std::optional<error> failure;
};

read_back read_all(table_reader& reader) {
  read_back out;
  row_view row;
  for (;;) {
    const auto more = reader.next(row);
    if (!more) {
      out.failure = more.error();
      return out;
    }
    if (!*more)
      return out;
    out.cells.emplace_back(row.cells.begin(), row.cells.end());
    out.numbers.push_back(row.number);
    out.problems.emplace_back(row.problem ? row.problem : "");
  }
}

read_back read_csv(std::string text, char delimiter = ',', row_limits limits = {}) {
  auto source = open_bytes(in_memory(std::move(text)));
  auto reader = make_csv_reader(std::move(*source), delimiter, limits);
  return read_all(*reader);
}

read_back read_table(const std::string& bytes, const table_limits& limits = {}) {
  const auto file = in_memory(bytes);
  const auto info = inspect_table(file, limits);
  if (!info)
    return {{}, {}, {}, info.error()};
  return read_all(**open_table(file, *info, limits));
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct part {
  std::string name, xml;
};

std::string zip_of(const std::vector<part>& parts) {
  const auto path = std::filesystem::temp_directory_path() / ("pricing_xlsx_" + std::to_string(::getpid()) + ".zip");
  std::filesystem::remove(path);
  int failed = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &failed);
  for (const auto& p : parts)
    zip_file_add(archive, p.name.c_str(), zip_source_buffer(archive, p.xml.data(), p.xml.size(), 0), 0);
  zip_close(archive);
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(path);
  return bytes;
}

std::string workbook(const std::string& sheet, const std::string& strings = "<sst/>", const std::string& book = "") {
  return zip_of(
      {{"xl/workbook.xml", "<workbook>" + book +
                               "<sheets><sheet name=\"hidden\" state=\"hidden\" r:id=\"r0\" "
                               "xmlns:r=\"r\"/><sheet name=\"s\" r:id=\"r1\" xmlns:r=\"r\"/></sheets></workbook>"},
       {"xl/_rels/workbook.xml.rels", "<Relationships><Relationship Id=\"r1\" Target=\"worksheets/sheet1.xml\"/>"
                                      "</Relationships>"},
       {"xl/sharedStrings.xml", strings},
       {"xl/styles.xml",
        "<styleSheet><numFmts><numFmt numFmtId=\"170\" formatCode=\"dd/mm/yyyy\"/></numFmts>"
        "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"170\"/><xf numFmtId=\"22\"/></cellXfs></styleSheet>"},
       {"xl/worksheets/sheet1.xml", "<worksheet><sheetData>" + sheet + "</sheetData></worksheet>"}});
}

} // namespace

TEST(csv, reads_quotes_pairs_and_line_ends_inside_cells) {
  const auto r = read_csv("a,\"b,c\",\"d \"\"e\"\"\"\r\n\"two\nlines\",,6\" pipe\nlast,x,y");
  EXPECT_EQ(r.cells, (rows{{"a", "b,c", "d \"e\""}, {"two\nlines", "", "6\" pipe"}, {"last", "x", "y"}}));
  EXPECT_EQ(r.numbers, (std::vector<std::int64_t>{1, 2, 4}));
}

TEST(csv, accepts_any_line_end_and_skips_blank_lines) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const auto r = read_csv("a,b" + end + end + "1,2" + end + "3,4");
    EXPECT_EQ(r.cells, (rows{{"a", "b"}, {"1", "2"}, {"3", "4"}}));
    EXPECT_EQ(r.numbers, (std::vector<std::int64_t>{1, 3, 4}));
  }
}

TEST(csv, reads_rows_across_blocks_exactly) {
  std::string text;
  for (int i = 0; i < 60'000; ++i)
    text += std::to_string(i) + ",\"x \"\"" + std::string(static_cast<std::size_t>(i % 37), 'y') + "\"\"\"\r\n";
  const auto r = read_csv(text);
  ASSERT_EQ(r.cells.size(), 60'000u);
  for (int i = 0; i < 60'000; ++i) {
    ASSERT_EQ(r.cells[i][0], std::to_string(i));
    ASSERT_EQ(r.cells[i][1], "x \"" + std::string(static_cast<std::size_t>(i % 37), 'y') + "\"");
  }
}

TEST(csv, names_the_problem_of_a_row_and_reads_on) {
  auto r = read_csv("a,b\n\"x\"y,2\n3,4\n");
  EXPECT_EQ(r.problems, (std::vector<std::string>{"", "text follows a closing quote", ""}));
  r = read_csv(std::string("a,b\n1\0,2\n3,4\n", 14));
  EXPECT_EQ(r.problems[1], "the row contains a NUL byte");
  r = read_csv("a,b\n1," + std::string(70'000, 'x') + "\n3,4\n");
  EXPECT_EQ(r.problems[1], "a cell is longer than is allowed");
  EXPECT_EQ(r.cells[2], (std::vector<std::string>{"3", "4"}));
  r = read_csv("a,b\n" + std::string(2'000, ',') + "\n3,4\n");
  EXPECT_EQ(r.problems[1], "the row has more columns than are allowed");
  r = read_csv("a,b\n1,\"never closed\n3,4\n");
  EXPECT_EQ(r.problems[1], "a quote is opened and never closed");
}

TEST(csv, ends_a_file_whose_line_never_ends) {
  const auto r = read_csv("a,b\n1,2\n3,\"" + std::string(3 << 20, 'x'));
  EXPECT_EQ(r.cells.size(), 2u);
  ASSERT_TRUE(r.failure);
  EXPECT_EQ(r.failure->code, errc::too_large);
  EXPECT_NE(r.failure->message.find("line 3"), std::string::npos) << r.failure->message;
}

TEST(csv, keeps_formulas_as_text_and_defuses_them_on_export) {
  EXPECT_EQ(read_csv("=1+1,@x\n").cells[0], (std::vector<std::string>{"=1+1", "@x"}));
  EXPECT_EQ(export_cell("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
  EXPECT_EQ(export_cell("-12.5"), "-12.5");
  EXPECT_EQ(export_cell("+1"), "+1");
  EXPECT_EQ(export_cell("-1+cmd"), "\"'-1+cmd\"");
  EXPECT_EQ(export_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
}

TEST(table, detects_the_delimiter) {
  for (const char d : {',', ';', '\t', '|'}) {
    std::string text = "name x" + std::string(1, d) + "price" + std::string(1, d) + "unit\n";
    for (int i = 0; i < 20; ++i)
      text += std::string("\"a, b\"") + d + "1" + d + "ea\n";
    const auto info = inspect_table(in_memory(text));
    ASSERT_TRUE(info);
    EXPECT_EQ(info->delimiter, d);
    EXPECT_EQ(info->columns.size(), 3u);
  }
}

TEST(table, detects_the_encoding_of_the_whole_file) {
  const std::string ascii(100'000, 'x'); // the first foreign byte comes late
  EXPECT_EQ(read_table("n,p\n" + ascii.substr(0, 60'000) + ",1\nC\xF4te,2\n").cells[2][0], "Côte");
  EXPECT_EQ(read_table("\xEF\xBB\xBFn,p\nCôte,2\n").cells[0][0], "n");
  EXPECT_EQ(read_table("n,p\n\x80 5,2\n").cells[1][0], "€ 5");
  EXPECT_EQ(read_table("n,p\nCôte Öl é\xE9,2\n").cells[1][0], "Côte Öl éé");
  EXPECT_EQ(read_table(std::string("\xFF\xFEn\0,\0p\0\n\0\xF4\0,\0002\0\n\0", 18)).cells,
            (rows{{"n", "p"}, {"ô", "2"}}));
  EXPECT_EQ(read_table(std::string("\xFE\xFF\0n\0,\0p\0\n\xD8\x3D\xDE\x00\0,\0002\0\n", 20)).cells[1][0], "😀");
  EXPECT_EQ(read_table("n,p\n\xED\xA0\x80,2\n").cells[1][0], "í\xC2\xA0\xE2\x82\xAC"); // a surrogate is no UTF-8
}

TEST(table, finds_the_header_below_titles) {
  const auto info = inspect_table(in_memory("Bid tabulation 2024,,\n\nitem,price,unit\npipe,1,ft\ncurb,2,ft\n"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->header_row, 3);
  EXPECT_EQ(info->columns, (std::vector<std::string>{"item", "price", "unit"}));
  EXPECT_EQ(info->sample.size(), 2u);
}

TEST(table, refuses_what_is_no_table_whatever_its_name) {
  for (const std::string& bytes :
       {std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16), std::string("%PDF-1.7\n"),
        std::string("\x7F"
                    "ELF\2\1\1\0\0",
                    9),
        std::string("<html><body>"), std::string("\xD0\xCF\x11\xE0\xA1\xB1"), std::string(400, '\1')}) {
    const auto info = inspect_table(in_memory(bytes));
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().code, errc::unsupported_media) << info.error().message;
    const auto packed = inspect_table(in_memory(gzip(bytes)));
    ASSERT_FALSE(packed);
    EXPECT_EQ(packed.error().code, errc::unsupported_media);
  }
  EXPECT_EQ(inspect_table(in_memory("")).error().code, errc::invalid_input);
  EXPECT_EQ(inspect_table(in_memory(gzip(gzip("a,b\n")))).error().code, errc::unsupported_media);
  EXPECT_EQ(inspect_table(in_memory(zip_of({{"a.txt", "x"}}))).error().code, errc::unsupported_media);
}

TEST(gzip, reads_members_one_after_the_other) {
  const auto r = read_table(gzip("a,b\n1,2\n") + gzip("3,4\n") + std::string(512, '\0'));
  EXPECT_FALSE(r.failure);
  EXPECT_EQ(r.cells, (rows{{"a", "b"}, {"1", "2"}, {"3", "4"}}));
}

TEST(gzip, refuses_a_truncated_or_damaged_file_before_any_row) {
  std::string text = "a,b\n";
  for (int i = 0; i < 50'000; ++i)
    text += std::to_string(i * 7919) + "," + std::to_string(i) + "\n";
  auto packed = gzip(text);
  const auto truncated = read_table(packed.substr(0, packed.size() - 1000));
  ASSERT_TRUE(truncated.failure);
  EXPECT_TRUE(truncated.cells.empty());
  EXPECT_NE(truncated.failure->message.find("ends early"), std::string::npos) << truncated.failure->message;
  packed[packed.size() / 2] ^= 0x55;
  EXPECT_EQ(read_table(packed).failure->code, errc::invalid_input);
  EXPECT_EQ(read_table(gzip("a,b\n1,2\n") + "garbage").failure->code, errc::invalid_input);
}

TEST(gzip, refuses_a_bomb) {
  const auto r = read_table(gzip("a,b\n" + std::string(64 << 20, '0')));
  ASSERT_TRUE(r.failure);
  EXPECT_EQ(r.failure->code, errc::too_large);
}

TEST(xlsx, reads_strings_numbers_dates_and_gaps) {
  const auto bytes = workbook(
      "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>0</v></c><c r=\"C2\" t=\"inlineStr\"><is><t>in</t><t>line</t></is></c></row>"
      "<row r=\"3\"><c r=\"A3\" s=\"1\"><v>45296</v></c><c r=\"B3\"><v>0.30000000000000004</v></c><c r=\"C3\" "
      "t=\"b\"><v>1</v></c></row><row r=\"4\"/>"
      "<row r=\"9\"><c r=\"A9\" s=\"2\"><v>45296.5</v></c><c r=\"B9\"><v>1E3</v></c><c r=\"C9\" "
      "t=\"e\"><v>#N/A</v></c></row>",
      "<sst><si><r><t>rich </t></r><r><t>text</t></r></si></sst>");
  const auto r = read_table(bytes);
  ASSERT_FALSE(r.failure) << r.failure->message;
  EXPECT_EQ(
      r.cells,
      (rows{{"rich text", "", "inline"}, {"2024-01-05", "0.3", "TRUE"}, {"2024-01-05 12:00:00", "1000", "#N/A"}}));
  EXPECT_EQ(r.numbers, (std::vector<std::int64_t>{2, 3, 9}));
}

TEST(xlsx, knows_the_calendar_that_starts_in_1904) {
  const auto r = read_table(
      workbook("<row r=\"1\"><c r=\"A1\" s=\"1\"><v>1462</v></c></row>", "<sst/>", "<workbookPr date1904=\"1\"/>"));
  EXPECT_EQ(r.cells, (rows{{"1908-01-02"}}));
}

TEST(xlsx, refuses_bombs_entities_and_damage) {
  std::string sheet;
  for (int i = 0; i < 1'000'000; ++i)
    sheet += "<row><c><v></v></c></row>                              ";
  auto r = read_table(workbook(sheet));
  ASSERT_TRUE(r.failure);
  EXPECT_EQ(r.failure->code, errc::too_large) << r.failure->message;
  r = read_table(zip_of({{"xl/workbook.xml", "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><workbook>&a;</workbook>"}}));
  EXPECT_EQ(r.failure->code, errc::invalid_input);
  auto damaged = workbook("<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>");
  r = read_table(damaged.substr(0, damaged.size() / 2));
  EXPECT_EQ(r.failure->code, errc::invalid_input);
  r = read_table(workbook("<row r=\"1\"><c r=\"A1\"><v>1</v></c>"));
  EXPECT_EQ(r.failure->code, errc::invalid_input);
}

TEST(table, reads_the_real_files_where_they_are) {
  const std::filesystem::path data = std::filesystem::path(__FILE__).parent_path() / "../../../../shared/data";
  if (!std::filesystem::exists(data))
    GTEST_SKIP() << "the real data is not at " << data;
  const auto scms = inspect_table({data / "scms/SCMS_Delivery_History_Dataset.csv", nullptr});
  ASSERT_TRUE(scms) << scms.error().message;
  EXPECT_EQ(scms->columns.size(), 33u);
  const auto mdot = inspect_table({data / "mdot_bid_tabs/original_xlsx/2024-06-07.xlsx", nullptr});
  ASSERT_TRUE(mdot) << mdot.error().message;
  const auto r = read_all(**open_table({data / "mdot_bid_tabs/original_xlsx/2024-06-07.xlsx", nullptr}, *mdot));
  EXPECT_EQ(r.cells.size(), 7'775u);
  EXPECT_EQ(r.cells[1][8], "$1.00");
}
