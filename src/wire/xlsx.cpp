#include "wire/xlsx.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <deque>
#include <expat.h>
#include <optional>
#include <zip.h>

namespace pricing::wire {
namespace {

using names = const XML_Char**;

std::string_view local_name(const char* qualified) {
  const std::string_view name(qualified);
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string_view attribute(names attributes, std::string_view wanted) {
  for (; *attributes != nullptr; attributes += 2)
    if (wanted == attributes[0] || (wanted.find(':') == std::string_view::npos && local_name(attributes[0]) == wanted))
      return attributes[1];
  return {};
}

// Expat with handlers as a virtual class, a refusal of DTDs (entity bombs) and an error slot for the handlers.
class xml_parser {
 public:
  xml_parser() : parser_(XML_ParserCreate(nullptr)) {
    if (parser_ == nullptr)
      throw std::bad_alloc();
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(
        parser_,
        [](void* self, const char* name, names a) { static_cast<xml_parser*>(self)->on_start(local_name(name), a); },
        [](void* self, const char* name) { static_cast<xml_parser*>(self)->on_end(local_name(name)); });
    XML_SetCharacterDataHandler(parser_, [](void* self, const char* text, int size) {
      static_cast<xml_parser*>(self)->on_text({text, static_cast<std::size_t>(size)});
    });
    XML_SetStartDoctypeDeclHandler(parser_, [](void* self, const char*, const char*, const char*, int) {
      static_cast<xml_parser*>(self)->fail(invalid_input("the workbook declares XML entities, which is not allowed"));
    });
  }
  virtual ~xml_parser() { XML_ParserFree(parser_); }
  xml_parser(const xml_parser&) = delete;
  xml_parser& operator=(const xml_parser&) = delete;

  result<void> feed(const char* bytes, std::size_t size, bool last) {
    const auto status = XML_Parse(parser_, bytes, static_cast<int>(size), last);
    if (failure_)
      return *failure_;
    if (status != XML_STATUS_OK)
      return invalid_input(std::string("the workbook is damaged: ") + XML_ErrorString(XML_GetErrorCode(parser_)) +
                           "; open it in a spreadsheet program and save it again");
    return {};
  }

 protected:
  virtual void on_start(std::string_view name, names attributes) = 0;
  virtual void on_end(std::string_view) {}
  virtual void on_text(std::string_view) {}
  void fail(error e) {
    if (!failure_)
      failure_ = std::move(e);
    XML_StopParser(parser_, XML_FALSE);
  }

 private:
  XML_Parser parser_;
  std::optional<error> failure_;
};

// The container, with limits on what its parts unpack to.
class zip_archive {
 public:
  static result<std::unique_ptr<zip_archive>> open(const file_bytes& file, const unpack_limits& limits) {
    zip_error_t failed;
    zip_error_init(&failed);
    zip_source_t* source = file.memory ? zip_source_buffer_create(file.memory->data(), file.memory->size(), 0, &failed)
                                       : zip_source_file_create(file.path.c_str(), 0, -1, &failed);
    zip_t* zip = source ? zip_open_from_source(source, ZIP_RDONLY, &failed) : nullptr;
    if (zip == nullptr) {
      std::string message = std::string("the workbook cannot be opened: ") + zip_error_strerror(&failed) +
                            "; it may be incomplete, upload it again";
      if (source != nullptr)
        zip_source_free(source);
      zip_error_fini(&failed);
      return invalid_input(std::move(message));
    }
    zip_error_fini(&failed);
    auto archive = std::unique_ptr<zip_archive>(new zip_archive(zip, file, limits));
    if (zip_get_num_entries(zip, 0) > 10'000)
      return error{errc::too_large, "the workbook holds more than 10,000 parts"};
    return archive;
  }
  ~zip_archive() { zip_discard(zip_); }
  zip_archive(const zip_archive&) = delete;
  zip_archive& operator=(const zip_archive&) = delete;

  bool has(const std::string& part) const { return zip_name_locate(zip_, part.c_str(), 0) >= 0; }
  std::uint64_t packed_bytes() const { return packed_bytes_; }
  const unpack_limits& limits() const { return limits_; }
  zip_t* handle() { return zip_; }

 private:
  zip_archive(zip_t* zip, const file_bytes& file, const unpack_limits& limits)
      : zip_(zip), memory_(file.memory), limits_(limits), packed_bytes_(file.size()) {}

  zip_t* zip_;
  std::shared_ptr<const std::string> memory_;
  unpack_limits limits_;
  std::uint64_t packed_bytes_;
};

// One part, unpacked forward.
class zip_part {
 public:
  zip_part(zip_archive& archive, const std::string& name) : archive_(archive) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat(archive.handle(), name.c_str(), 0, &stat) == 0 && (stat.valid & ZIP_STAT_COMP_SIZE))
      packed_bytes_ = stat.comp_size;
    file_ = zip_fopen(archive.handle(), name.c_str(), 0);
  }
  ~zip_part() {
    if (file_ != nullptr)
      zip_fclose(file_);
  }
  zip_part(const zip_part&) = delete;
  zip_part& operator=(const zip_part&) = delete;

  result<std::size_t> read(char* out, std::size_t size) {
    if (file_ == nullptr)
      return invalid_input("a part of the workbook cannot be read (missing, or protected by a password)");
    const auto got = zip_fread(file_, out, size);
    if (got < 0)
      return invalid_input(std::string("the workbook is damaged: ") + zip_file_strerror(file_) + "; upload it again");
    unpacked_ += static_cast<std::uint64_t>(got);
    if (breaks_limits(archive_.limits(), unpacked_, packed_bytes_))
      return error{errc::too_large, "the workbook unpacks to more than is allowed (" + std::to_string(unpacked_ >> 20) +
                                        " MB and counting)"};
    return static_cast<std::size_t>(got);
  }
  std::uint64_t unpacked_bytes() const { return unpacked_; }

 private:
  zip_archive& archive_;
  zip_file_t* file_ = nullptr;
  std::uint64_t packed_bytes_ = 0;
  std::uint64_t unpacked_ = 0;
};

result<void> parse_part(zip_archive& archive, const std::string& name, xml_parser& parser) {
  zip_part part(archive, name);
  std::vector<char> buffer(64 << 10);
  for (;;) {
    const auto got = part.read(buffer.data(), buffer.size());
    if (!got)
      return got.error();
    if (auto fed = parser.feed(buffer.data(), *got, *got == 0); !fed)
      return fed;
    if (*got == 0)
      return {};
  }
}

struct workbook_parser final : xml_parser {
  std::string sheet_relation; // of the first visible sheet
  bool dates_from_1904 = false;
  void on_start(std::string_view name, names a) override {
    if (name == "workbookPr")
      dates_from_1904 = attribute(a, "date1904") == "1" || attribute(a, "date1904") == "true";
    const auto state = attribute(a, "state");
    if (name == "sheet" && sheet_relation.empty() && (state.empty() || state == "visible"))
      sheet_relation = attribute(a, "r:id");
    if (name == "sheet" && sheet_relation.empty() && (state.empty() || state == "visible"))
      sheet_relation = attribute(a, "id");
  }
};

struct relations_parser final : xml_parser {
  std::string wanted;
  std::string target;
  explicit relations_parser(std::string id) : wanted(std::move(id)) {}
  void on_start(std::string_view name, names a) override {
    if (name == "Relationship" && attribute(a, "Id") == wanted)
      target = attribute(a, "Target");
  }
};

// All strings in one buffer.
struct shared_strings final : xml_parser {
  std::string bytes;
  std::vector<std::uint32_t> ends;
  std::uint64_t bytes_max;
  bool in_text = false;
  int phonetic_depth = 0; // readings of Japanese text are no part of the cell
  explicit shared_strings(std::uint64_t limit) : bytes_max(std::min<std::uint64_t>(limit, 0xFFFFFFFF)) {}

  void on_start(std::string_view name, names) override {
    phonetic_depth += name == "rPh";
    in_text = name == "t" && phonetic_depth == 0;
  }
  void on_end(std::string_view name) override {
    phonetic_depth -= name == "rPh";
    in_text = false;
    if (name == "si")
      ends.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  void on_text(std::string_view text) override {
    if (!in_text)
      return;
    if (bytes.size() + text.size() > bytes_max)
      return fail(
          {errc::too_large, "the workbook's texts exceed " + std::to_string(bytes_max >> 20) + " MB; save it as CSV"});
    bytes += text;
  }
  std::string_view at(std::size_t i) const {
    const auto begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(bytes).substr(begin, ends[i] - begin);
  }
};

bool is_date_format(std::string_view code) {
  char closing = 0;
  for (const char c : code) {
    if (closing != 0)
      closing = c == closing ? char{0} : closing;
    else if (c == '"')
      closing = '"';
    else if (c == '[')
      closing = ']';
    else if (c == 'y' || c == 'Y' || c == 'd' || c == 'D')
      return true;
    else if (c == ';')
      return false; // only the format of positive numbers counts
  }
  return false;
}

// Which cell styles show a number as a date.
struct styles_parser final : xml_parser {
  std::vector<int> date_formats;
  std::vector<bool> style_is_date;
  bool in_cell_formats = false;

  void on_start(std::string_view name, names a) override {
    if (name == "cellXfs")
      in_cell_formats = true;
    if (name == "numFmt" && is_date_format(attribute(a, "formatCode")))
      date_formats.push_back(number(attribute(a, "numFmtId")));
    if (name == "xf" && in_cell_formats && style_is_date.size() < 100'000)
      style_is_date.push_back(is_date(number(attribute(a, "numFmtId"))));
  }
  void on_end(std::string_view name) override {
    if (name == "cellXfs")
      in_cell_formats = false;
  }
  static int number(std::string_view text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  bool is_date(int format) const {
    return (format >= 14 && format <= 17) || format == 22 || (format >= 27 && format <= 36) ||
           (format >= 50 && format <= 58) ||
           std::find(date_formats.begin(), date_formats.end(), format) != date_formats.end();
  }
};

// Excel's day number as ISO text; day 60 of the 1900 system is the leap day that never was.
std::string serial_to_date(double serial, bool from_1904) {
  using namespace std::chrono;
  const double whole = std::floor(serial);
  auto day =
      (from_1904 ? sys_days{year{1904} / 1 / 1} : sys_days{year{1899} / 12 / 30}) + days{static_cast<int>(whole)};
  if (!from_1904 && whole < 60)
    day += days{1};
  const year_month_day ymd{day};
  char out[40];
  const auto seconds = std::lround((serial - whole) * 86'400);
  int size = std::snprintf(out, sizeof out, "%04d-%02u-%02u", static_cast<int>(ymd.year()),
                           static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()));
  if (seconds > 0 && seconds < 86'400)
    size += std::snprintf(out + size, sizeof out - static_cast<std::size_t>(size), " %02ld:%02ld:%02ld", seconds / 3600,
                          seconds / 60 % 60, seconds % 60);
  return {out, static_cast<std::size_t>(size)};
}

// A sheet stores 0.1+0.2 as 0.30000000000000004; fifteen digits are what its program shows.
std::string canonical_number(std::string_view text, double value) {
  if (text.size() <= 15 && text.find_first_of("eE") == std::string_view::npos)
    return std::string(text);
  char out[64];
  const int size = std::snprintf(out, sizeof out, "%.15g", value);
  if (std::string_view(out, static_cast<std::size_t>(size)).find('e') == std::string_view::npos)
    return {out, static_cast<std::size_t>(size)};
  if (std::abs(value) < 1e15)
    return {out, static_cast<std::size_t>(std::snprintf(out, sizeof out, "%.10f", value))};
  return std::string(text);
}

struct sheet_row {
  std::int64_t number = 0;
  std::string bytes;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> cells; // begin, size in bytes
  const char* problem = nullptr;
};

class sheet_parser final : public xml_parser {
 public:
  sheet_parser(const shared_strings& strings, const styles_parser& styles, bool from_1904, const row_limits& limits)
      : strings_(strings), styles_(styles), from_1904_(from_1904), limits_(limits) {}

  std::deque<sheet_row> rows;

 private:
  void on_start(std::string_view name, names a) override {
    if (name == "row") {
      const auto r = attribute(a, "r");
      std::int64_t number = last_number_ + 1;
      std::from_chars(r.data(), r.data() + r.size(), number);
      rows.push_back({});
      rows.back().number = last_number_ = number;
    } else if (name == "c" && !rows.empty()) {
      start_cell(a);
    } else if (name == "v" || (name == "t" && phonetic_depth_ == 0)) {
      in_value_ = in_cell_;
    } else if (name == "rPh") {
      ++phonetic_depth_;
    }
  }

  void start_cell(names a) {
    in_cell_ = true;
    value_.clear();
    type_ = attribute(a, "t");
    style_ = static_cast<std::size_t>(styles_parser::number(attribute(a, "s")));
    std::size_t column = 0;
    for (const char c : attribute(a, "r"))
      if (c >= 'A' && c <= 'Z' && column < 100'000)
        column = column * 26 + static_cast<std::size_t>(c - 'A' + 1);
    column_ = column == 0 ? rows.back().cells.size() : column - 1;
  }

  void on_text(std::string_view text) override {
    if (!in_value_)
      return;
    if (value_.size() + text.size() > limits_.cell_bytes_max)
      rows.back().problem = "a cell is longer than is allowed";
    else
      value_ += text;
  }

  void on_end(std::string_view name) override {
    if (name == "v" || name == "t") {
      in_value_ = false;
    } else if (name == "rPh") {
      --phonetic_depth_;
    } else if (name == "c" && in_cell_) {
      in_cell_ = false;
      finish_cell();
    } else if (name == "row" && !rows.empty() && blank(rows.back())) {
      rows.pop_back();
    }
  }

  static bool blank(const sheet_row& row) { return row.bytes.empty() && row.problem == nullptr; }

  void finish_cell() {
    auto& row = rows.back();
    if (column_ >= limits_.columns_max) {
      if (!value_.empty())
        row.problem = "the row has more columns than are allowed";
      return;
    }
    while (row.cells.size() <= column_)
      row.cells.emplace_back(0, 0);
    const auto begin = row.bytes.size();
    append_value(row.bytes);
    if (row.bytes.size() > limits_.line_bytes_max) {
      row.problem = "the row is longer than is allowed";
      row.bytes.resize(begin);
    }
    row.cells[column_] = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(row.bytes.size() - begin)};
  }

  void append_value(std::string& out) {
    if (type_ == "s") {
      std::size_t index = strings_.ends.size();
      std::from_chars(value_.data(), value_.data() + value_.size(), index);
      if (index < strings_.ends.size())
        out += strings_.at(index);
      else
        rows.back().problem = "a cell refers to a text that the workbook does not hold";
    } else if (type_ == "b") {
      out += value_ == "1" ? "TRUE" : "FALSE";
    } else if ((type_.empty() || type_ == "n") && !value_.empty()) {
      append_number(out);
    } else {
      out += value_;
    }
  }

  void append_number(std::string& out) {
    double value = 0;
    const auto parsed = std::from_chars(value_.data(), value_.data() + value_.size(), value);
    if (parsed.ec != std::errc{} || !std::isfinite(value))
      out += value_;
    else if (style_ < styles_.style_is_date.size() && styles_.style_is_date[style_] && value >= 1 && value < 2'958'466)
      out += serial_to_date(value, from_1904_);
    else
      out += canonical_number(value_, value);
  }

  const shared_strings& strings_;
  const styles_parser& styles_;
  bool from_1904_;
  row_limits limits_;
  std::int64_t last_number_ = 0;
  bool in_cell_ = false, in_value_ = false;
  int phonetic_depth_ = 0;
  std::string type_, value_;
  std::size_t style_ = 0, column_ = 0;
};

class xlsx_reader final : public table_reader {
 public:
  xlsx_reader(std::unique_ptr<zip_archive> archive, const xlsx_limits& limits)
      : archive_(std::move(archive)), limits_(limits), strings_(limits.shared_strings_bytes_max), buffer_(64 << 10) {}

  result<void> open() {
    if (!archive_->has("xl/workbook.xml"))
      return error{errc::unsupported_media, "this ZIP file is no Excel workbook; upload .xlsx, .csv or .csv.gz"};
    workbook_parser workbook;
    if (auto read = parse_part(*archive_, "xl/workbook.xml", workbook); !read)
      return read;
    relations_parser relations(workbook.sheet_relation);
    if (auto read = parse_part(*archive_, "xl/_rels/workbook.xml.rels", relations); !read)
      return read;
    for (auto [part, parser] : {std::pair<const char*, xml_parser*>{"xl/sharedStrings.xml", &strings_},
                                std::pair<const char*, xml_parser*>{"xl/styles.xml", &styles_}})
      if (archive_->has(part))
        if (auto read = parse_part(*archive_, part, *parser); !read)
          return read;
    const auto& target = relations.target;
    const std::string sheet = target.starts_with('/') ? target.substr(1) : "xl/" + target;
    if (target.empty() || !archive_->has(sheet))
      return invalid_input("the workbook has no visible sheet");
    part_ = std::make_unique<zip_part>(*archive_, sheet);
    parser_ = std::make_unique<sheet_parser>(strings_, styles_, workbook.dates_from_1904, limits_.rows);
    return {};
  }

  result<bool> next(row_view& row) override {
    if (handed_out_) {
      parser_->rows.pop_front();
      handed_out_ = false;
    }
    while (parser_->rows.size() < 2 && !ended_) // the last row may still be open
      if (auto more = feed(); !more)
        return more.error();
    if (parser_->rows.empty())
      return false;
    const auto& front = parser_->rows.front();
    views_.clear();
    for (const auto& [begin, size] : front.cells)
      views_.push_back(std::string_view(front.bytes).substr(begin, size));
    row = {front.number, views_, front.problem};
    handed_out_ = true;
    return true;
  }
  std::uint64_t consumed_bytes() const override {
    return ended_ ? archive_->packed_bytes() : std::min(archive_->packed_bytes(), part_->unpacked_bytes() / 12);
  }

 private:
  result<void> feed() {
    const auto got = part_->read(buffer_.data(), buffer_.size());
    if (!got)
      return got.error();
    ended_ = *got == 0;
    return parser_->feed(buffer_.data(), *got, ended_);
  }

  std::unique_ptr<zip_archive> archive_;
  xlsx_limits limits_;
  shared_strings strings_;
  styles_parser styles_;
  std::unique_ptr<zip_part> part_;
  std::unique_ptr<sheet_parser> parser_;
  std::vector<char> buffer_;
  std::vector<std::string_view> views_;
  bool ended_ = false;
  bool handed_out_ = false;
};

} // namespace

bool is_zip(std::string_view first_bytes) {
  return first_bytes.starts_with(std::string_view("PK\x03\x04", 4)) ||
         first_bytes.starts_with(std::string_view("PK\x05\x06", 4));
}

result<std::unique_ptr<table_reader>> open_xlsx(const file_bytes& file, const xlsx_limits& limits) {
  auto archive = zip_archive::open(file, limits.unpack);
  if (!archive)
    return archive.error();
  auto reader = std::make_unique<xlsx_reader>(std::move(*archive), limits);
  if (auto opened = reader->open(); !opened)
    return opened.error();
  return std::unique_ptr<table_reader>(std::move(reader));
}

} // namespace pricing::wire
