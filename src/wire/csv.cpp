#include "wire/csv.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace pricing::wire {
namespace {

constexpr std::size_t block_bytes = 512 << 10;

class csv_reader final : public table_reader {
 public:
  csv_reader(std::unique_ptr<byte_source> utf8, char delimiter, const row_limits& limits)
      : source_(std::move(utf8)), delimiter_(delimiter), limits_(limits) {
    stops_.fill(false);
    for (const char c : {delimiter, '\n', '\r'})
      stops_[static_cast<unsigned char>(c)] = true;
    block_.resize(block_bytes);
  }

  result<bool> next(row_view& row) override {
    for (;;) {
      skip_line_feed();
      const auto outcome = begin_ == end_ && ended_ ? outcome_of_row::nothing : parse_row();
      if (outcome == outcome_of_row::nothing)
        return false;
      if (outcome == outcome_of_row::needs_more) {
        if (auto filled = fill(); !filled)
          return filled.error();
        continue;
      }
      const bool blank = cells_.size() == 1 && cells_[0].bytes == 0 && !cells_[0].quoted;
      publish(row);
      if (!blank)
        return true;
    }
  }
  std::uint64_t consumed_bytes() const override { return source_->consumed_bytes(); }

 private:
  enum class outcome_of_row { complete, needs_more, nothing };
  struct cell {
    std::size_t at;
    std::size_t bytes;
    bool quoted;
    bool has_pairs; // "" inside, still to be reduced
  };

  void skip_line_feed() {
    if (after_carriage_return_ && begin_ < end_) {
      begin_ += block_[begin_] == '\n';
      after_carriage_return_ = false;
    }
  }

  result<void> fill() {
    if (begin_ > 0) {
      std::memmove(block_.data(), block_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ > limits_.line_bytes_max)
      return error{errc::too_large, "line " + std::to_string(line_) + " is longer than " +
                                        std::to_string(limits_.line_bytes_max >> 10) +
                                        " KB; look for a quote that is never closed, or a wrong delimiter"};
    if (end_ == block_.size())
      block_.resize(block_.size() * 2);
    const auto got = source_->read(block_.data() + end_, block_.size() - end_);
    if (!got)
      return got.error();
    end_ += *got;
    ended_ = *got == 0;
    return {};
  }

  // Reads one row from begin_; leaves everything as it was when the block ends first.
  outcome_of_row parse_row() {
    cells_.clear();
    problem_ = nullptr;
    lines_inside_ = 0;
    std::size_t at = begin_;
    for (;;) {
      std::size_t cell_end = 0;
      if (at < end_ && block_[at] == '"') {
        if (!parse_quoted(at, cell_end))
          return outcome_of_row::needs_more;
      } else {
        cell_end = at;
        while (cell_end < end_ && !stops_[static_cast<unsigned char>(block_[cell_end])])
          ++cell_end;
        if (cell_end == end_ && !ended_)
          return outcome_of_row::needs_more;
        add({at, cell_end - at, false, false});
      }
      if (cell_end < end_ && block_[cell_end] == delimiter_) {
        at = cell_end + 1;
        continue;
      }
      finish_row(cell_end);
      return outcome_of_row::complete;
    }
  }

  // A cell that opens with a quote at `at`; false when the block ends before it does.
  bool parse_quoted(std::size_t at, std::size_t& cell_end) {
    bool pairs = false;
    std::size_t close = at + 1;
    for (;;) {
      const auto* found = static_cast<const char*>(std::memchr(block_.data() + close, '"', end_ - close));
      if (found == nullptr || (found + 1 == block_.data() + end_ && !ended_)) {
        if (!ended_)
          return false;
        problem_ = "a quote is opened and never closed";
        close = end_;
        cell_end = end_;
        break;
      }
      close = static_cast<std::size_t>(found - block_.data());
      if (close + 1 < end_ && block_[close + 1] == '"') {
        pairs = true;
        close += 2;
        continue;
      }
      cell_end = close + 1;
      break;
    }
    if (cell_end < end_ && !stops_[static_cast<unsigned char>(block_[cell_end])]) {
      problem_ = "text follows a closing quote";
      while (cell_end < end_ && !stops_[static_cast<unsigned char>(block_[cell_end])])
        ++cell_end;
      if (cell_end == end_ && !ended_)
        return false;
    }
    count_lines(at + 1, close);
    add({at + 1, close - at - 1, true, pairs});
    return true;
  }

  void count_lines(std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i)
      lines_inside_ += block_[i] == '\n' || (block_[i] == '\r' && (i + 1 == to || block_[i + 1] != '\n'));
  }

  void add(const cell& c) {
    if (cells_.size() == limits_.columns_max) {
      problem_ = "the row has more columns than are allowed";
      return;
    }
    if (c.bytes > limits_.cell_bytes_max)
      problem_ = "a cell is longer than is allowed";
    cells_.push_back(c);
  }

  void finish_row(std::size_t row_end) {
    row_begin_ = begin_;
    row_end_ = row_end;
    if (row_end < end_) {
      after_carriage_return_ = block_[row_end] == '\r';
      begin_ = row_end + 1;
    } else {
      begin_ = row_end;
    }
  }

  void publish(row_view& row) {
    views_.clear();
    for (const auto& c : cells_)
      views_.push_back(c.has_pairs ? reduce_pairs(c) : std::string_view(block_.data() + c.at, c.bytes));
    if (std::memchr(block_.data() + row_begin_, 0, row_end_ - row_begin_) != nullptr)
      problem_ = "the row contains a NUL byte";
    row = {line_, views_, problem_};
    line_ += 1 + lines_inside_;
  }

  std::string_view reduce_pairs(const cell& c) {
    char* const begin = block_.data() + c.at;
    char* out = begin;
    for (const char* in = begin; in < begin + c.bytes; ++in) {
      *out++ = *in;
      in += *in == '"' && in + 1 < begin + c.bytes && in[1] == '"';
    }
    return {begin, static_cast<std::size_t>(out - begin)};
  }

  std::unique_ptr<byte_source> source_;
  char delimiter_;
  row_limits limits_;
  std::array<bool, 256> stops_{};
  std::vector<char> block_;
  std::size_t begin_ = 0, end_ = 0;
  std::size_t row_begin_ = 0, row_end_ = 0;
  bool ended_ = false;
  bool after_carriage_return_ = false;
  std::vector<cell> cells_;
  std::vector<std::string_view> views_;
  std::int64_t line_ = 1;
  std::int64_t lines_inside_ = 0;
  const char* problem_ = nullptr;
};

class view_source final : public byte_source {
 public:
  explicit view_source(std::string_view bytes) : bytes_(bytes) {}
  result<std::size_t> read(char* out, std::size_t size) override {
    const auto count = std::min(size, bytes_.size());
    std::memcpy(out, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }
  std::uint64_t consumed_bytes() const override { return 0; }

 private:
  std::string_view bytes_;
};

// Rows that have the most frequent width, and that width.
struct evenness {
  std::size_t width = 0, rows = 0, total = 0;
};

evenness measure(std::string_view sample, char delimiter) {
  auto reader = make_csv_reader(std::make_unique<view_source>(sample), delimiter);
  std::vector<std::size_t> counts;
  evenness out;
  row_view row;
  while (out.total < 100) {
    const auto more = reader->next(row);
    if (!more || !*more)
      break;
    ++out.total;
    counts.resize(std::max(counts.size(), row.cells.size() + 1));
    ++counts[row.cells.size()];
  }
  for (std::size_t width = 0; width < counts.size(); ++width)
    if (counts[width] > 0 && counts[width] >= out.rows) {
      out.rows = counts[width];
      out.width = width;
    }
  return out;
}

bool is_plain_number(std::string_view text) {
  double value = 0;
  const auto from = text.starts_with('+') ? text.substr(1) : text;
  const auto parsed = std::from_chars(from.data(), from.data() + from.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == from.data() + from.size();
}

} // namespace

std::unique_ptr<table_reader> make_csv_reader(std::unique_ptr<byte_source> utf8, char delimiter,
                                              const row_limits& limits) {
  return std::make_unique<csv_reader>(std::move(utf8), delimiter, limits);
}

char detect_delimiter(std::string_view sample) {
  char best = ',';
  double best_score = 0;
  for (const char delimiter : {',', ';', '\t', '|'}) {
    const auto e = measure(sample, delimiter);
    if (e.total == 0 || e.width < 2)
      continue;
    const double share = static_cast<double>(e.rows) / static_cast<double>(e.total);
    const double score = share * share * std::min<double>(static_cast<double>(e.width), 8);
    if (score > best_score) {
      best_score = score;
      best = delimiter;
    }
  }
  return best;
}

std::string export_cell(std::string_view text, char delimiter) {
  static constexpr std::string_view dangerous = "=+-@\t\r";
  const bool guard = !text.empty() && dangerous.find(text[0]) != std::string_view::npos && !is_plain_number(text);
  const bool quote =
      guard || text.find_first_of("\"\r\n") != std::string_view::npos || text.find(delimiter) != std::string_view::npos;
  if (!quote)
    return std::string(text);
  std::string out = guard ? "\"'" : "\"";
  for (const char c : text)
    out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

} // namespace pricing::wire
