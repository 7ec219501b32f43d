// When an answer of pricing-ml is worth looking for in Redis: what it costs to make, beside what it costs to look.
//   answer_cache [--redis SOCKET | --redis HOST:PORT] BIDS [LAST_YEAR]
// BIDS: a folder of yearly gzip CSVs of bid tabulations, of which those up to LAST_YEAR (2016) are the prices. Who
// looks waits for the key's hash and one GET, found or not; what is made is written with one SET, for which nobody
// waits. A look pays when, with hits of a share h, it saves more than it costs:
//   h (made − found) > (1 − h) (missed + written)
// The share h from which on it pays is printed for each size, and where it falls to one in ten: from there on answers
// are looked for (serving::answers_config). Medians in microseconds.
#include "bid_tabulations.hpp"

#include "learn/booster.hpp"
#include "match/normalize.hpp"
#include "models/explanation.hpp"
#include "serving/answer_json.hpp"
#include "serving/answer_store.hpp"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>

namespace {

using namespace pricing;
namespace asio = boost::asio;
using steady = std::chrono::steady_clock;

constexpr double wanted_share = 0.1;
constexpr std::size_t columns = 50;

double us_since(steady::time_point from) {
  return std::chrono::duration<double, std::micro>(steady::now() - from).count();
}

double median_of(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

template <class F>
double median_us(F call) {
  std::vector<double> all;
  const auto begin = steady::now();
  while (all.size() < 5 || (all.size() < 301 && us_since(begin) < 400'000)) {
    const auto from = steady::now();
    call(all.size());
    all.push_back(us_since(from));
  }
  return median_of(all);
}

struct look {
  double found_us = 0, missed_us = 0, written_us = 0;

  // 1 and more: never.
  double share_from(double made_us) const {
    const double saved = made_us - found_us, lost = missed_us + written_us;
    return saved <= 0 ? 1 : lost / (saved + lost);
  }
};

// Looks as the service does, on an event loop with nothing else to do.
class redis_looks {
 public:
  explicit redis_looks(redis::config where) : where_(std::move(where)) {}

  look measure(const std::string& body, const std::string& answer) {
    look out;
    asio::io_context io;
    std::exception_ptr failed;
    asio::co_spawn(io, measure(io, body, answer, out), [&](std::exception_ptr e) {
      failed = e;
      io.stop();
    });
    io.run_for(std::chrono::seconds(60));
    if (failed)
      std::rethrow_exception(failed);
    return out;
  }

 private:
  asio::awaitable<void> measure(asio::io_context& io, const std::string& body, const std::string& answer, look& out) {
    redis::client client(io, where_);
    std::vector<double> found, missed, written;
    for (int i = -5; i < 201; ++i) { // the first few connect and warm up
      const auto key_of = [&body](const char* kind) {
        return serving::answer_store::key_of({"1", "/api/v1/predictions/batch", kind, body});
      };
      auto from = steady::now();
      auto none = co_await client.get(key_of("missed"));
      const double miss_us = us_since(from);
      auto text = answer;
      from = steady::now();
      const auto set = co_await client.set(key_of("kept"), std::move(text), std::chrono::seconds(60));
      const double set_us = us_since(from);
      from = steady::now();
      const auto again = co_await client.get(key_of("kept"));
      const double hit_us = us_since(from);
      if (!none || !set || !again || *again != answer)
        throw std::runtime_error("Redis does not answer");
      if (i < 0)
        continue;
      missed.push_back(miss_us), written.push_back(set_us), found.push_back(hit_us);
    }
    out = {median_of(found), median_of(missed), median_of(written)};
  }

  const redis::config where_;
};

// Where the share falls to what is wanted, between the sizes that were measured, linear in logarithms.
class crossing {
 public:
  void add(double size, double share) {
    if (!at_ && share <= wanted_share)
      at_ = before_ ? std::exp(std::log(before_->first) + (std::log(size) - std::log(before_->first)) *
                                                              (std::log(before_->second) - std::log(wanted_share)) /
                                                              (std::log(before_->second) - std::log(share)))
                    : size;
    before_ = {size, share};
  }
  std::optional<double> at() const { return at_; }

 private:
  std::optional<std::pair<double, double>> before_;
  std::optional<double> at_;
};

void print(const std::string& what, std::size_t body, std::size_t answer, double made, const look& l) {
  const double share = l.share_from(made);
  const std::string from = share < 1 ? fmt::format("{:.1f} %", 100 * share) : "never";
  std::printf("%-34s %9zu %9zu %10.0f %8.0f %8.0f %8.0f %9s\n", what.c_str(), body, answer, made, l.found_us,
              l.missed_us, l.written_us, from.c_str());
}

void print_head(const char* title) {
  std::printf("\n%-34s %9s %9s %10s %8s %8s %8s %9s\n", title, "body, B", "answer, B", "made, us", "found", "missed",
              "written", "pays from");
}

// Served forests

std::vector<float> made_up(std::size_t rows) {
  std::mt19937_64 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> out(rows * columns);
  for (float& x : out)
    x = std::round(normal(random) * 1'000) / 1'000;
  return out;
}

std::unique_ptr<serving::served_version> made_up_model(int trees) {
  constexpr std::size_t rows = 10'000;
  const auto values = made_up(rows);
  std::vector<float> y(rows);
  for (std::size_t i = 0; i < rows; ++i)
    y[i] = values[i * columns] * values[i * columns + 7] + std::sin(values[i * columns + 20]);
  const learn::training_matrix matrix(values, rows, columns, 2);
  const auto trained = learn::booster::train(matrix, y, std::vector<float>(rows, 1.0F),
                                             {.rounds = trees, .depth = 6, .child_weight = 1});
  auto out = std::make_unique<serving::served_version>(serving::manifest(),
                                                       serving::load_trees(trained.save(), 1 << 30).value());
  serving::warm_up(*out);
  return out;
}

std::string rows_json(std::size_t rows, bool contributions) {
  const auto values = made_up(rows);
  std::string out = "{\"rows\":[";
  for (std::size_t i = 0; i < values.size(); ++i)
    out += fmt::format("{}{}{}", i % columns == 0 ? (i == 0 ? "[" : ",[") : ",", values[i],
                       i % columns == columns - 1 ? "]" : "");
  return out + (contributions ? "],\"contributions\":true}" : "]}");
}

void served(redis_looks& redis, int trees, bool contributions) {
  const auto held = made_up_model(trees);
  const serving::served_version& model = *held;
  print_head(fmt::format("{} trees, {}; est. work", trees, contributions ? "contributions" : "predictions").c_str());
  crossing estimate;
  for (const std::size_t rows : {1, 3, 10, 30, 100, 300, 1'000, 3'000}) {
    const std::string body = rows_json(rows, contributions);
    auto request = serving::parse_predict(body, {}).value(); // paid whether or not the answer is found
    serving::fit_columns(model, request).value();
    std::string answer;
    const double made = median_us(
        [&](std::size_t) { answer = serving::predict_json(model, request, serving::infer(model, request).value()); });
    const auto cost = redis.measure(body, answer);
    const double estimated = serving::estimated_us(model, request);
    print(fmt::format("  {} rows, {:.0f} us", rows, estimated), body.size(), answer.size(), made, cost);
    estimate.add(estimated, cost.share_from(made));
  }
  if (estimate.at())
    std::printf("one hit in ten pays from an estimate of %.0f us on\n", *estimate.at());
  else
    std::printf("one hit in ten never pays\n");
}

// The price model

std::unique_ptr<models::snapshot> snapshot_of(const char* folder, int last_year) {
  bench::bid_tabulations prices;
  prices.normalize_units();
  prices.read_folder(folder, last_year);
  market::loaded_history loaded;
  loaded.prices = prices.builder.build();
  loaded.snapshot = "bench";
  std::int32_t newest = 0;
  for (const auto& l : loaded.prices.lines())
    newest = std::max(newest, l.day);
  loaded.newest_on = std::chrono::sys_days(std::chrono::days(newest));
  auto model = [&] {
    const learn::market_view view(loaded.prices);
    return learn::train(view, {.until = loaded.newest_on + std::chrono::days(1), .rows_max = 30'000}).value();
  }();
  std::printf("%zu prices of %zu items until %s\n", loaded.prices.size(), loaded.prices.items().size(),
              to_string(loaded.newest_on).c_str());
  return std::make_unique<models::snapshot>(std::move(loaded), std::move(model), "2026-01-01.1", std::string(64, 'a'));
}

decimal short_decimal(double x) {
  return decimal::from_double(std::max(std::round(x * 100) / 100, 0.01)).value();
}

// Lines of the newest year, as somebody would ask about them again.
class asked_lines {
 public:
  explicit asked_lines(const models::snapshot& s) : s_(s) {
    const auto lines = s.loaded.prices.lines();
    const auto newest = static_cast<std::int32_t>(s.loaded.newest_on.time_since_epoch().count());
    for (std::uint32_t l = 0; l < lines.size(); ++l)
      if (lines[l].day > newest - 365 && lines[l].bids > 0 && s.loaded.prices.items()[lines[l].item].priced)
        recent_.push_back(l);
    if (recent_.empty())
      throw std::runtime_error("no bids in the newest year");
  }
  models::prediction_line any() {
    const auto& line = s_.loaded.prices.lines()[recent_[random_() % recent_.size()]];
    const auto& item = s_.loaded.prices.items()[line.item];
    models::prediction_line out;
    out.item_id = item.id.value;
    out.unit.value = item.unit;
    out.quantity = short_decimal(std::exp(static_cast<double>(line.log_quantity)));
    out.prices.push_back(short_decimal(std::exp(static_cast<double>(line.median))));
    return out;
  }
  // One that has more bids than a share of the others.
  models::prediction_line with_bids(double share) {
    std::vector<std::pair<std::size_t, models::prediction_line>> all;
    for (int i = 0; i < 301; ++i) {
      auto line = any();
      const auto item = s_.loaded.prices.index_of({*line.item_id});
      all.emplace_back(s_.loaded.prices.lines_of(item).size(), std::move(line));
    }
    std::ranges::sort(all, {}, [](const auto& a) { return a.first; });
    return all[static_cast<std::size_t>(share * 300)].second;
  }
  // Known by no name.
  models::prediction_line strange() {
    auto out = any();
    const auto& name = s_.loaded.prices.items()[s_.loaded.prices.index_of({*out.item_id})].normalized_name;
    out.item_id.reset();
    out.description = wire::text<1, 500>{name.substr(0, 400) + " special"};
    return out;
  }

 private:
  const models::snapshot& s_;
  std::vector<std::uint32_t> recent_;
  std::mt19937_64 random_{5};
};

void batches(redis_looks& redis, const models::snapshot& s) {
  print_head("lines of one event, with reasons");
  asked_lines lines(s);
  crossing bytes;
  for (const std::size_t n : {1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000}) {
    models::prediction_request request;
    for (std::size_t i = 0; i < n; ++i)
      request.lines.push_back(lines.any());
    const std::string body = wire::encode(request);
    std::string answer;
    const double made = median_us([&](std::size_t) {
      const auto read = wire::decode_json<models::prediction_request>(body).value();
      const auto predicted = models::predict(s, read, s.loaded.newest_on).value();
      if (predicted.lines.front().source != "model")
        throw std::runtime_error("the model says nothing of a line");
      answer = wire::encode(predicted);
    });
    const auto cost = redis.measure(body, answer);
    print(fmt::format("  {} lines", n), body.size(), answer.size(), made, cost);
    bytes.add(static_cast<double>(body.size()), cost.share_from(made));
  }
  if (bytes.at())
    std::printf("one hit in ten pays from a body of %.0f bytes on\n", *bytes.at());
  else
    std::printf("one hit in ten never pays\n");
}

void explanations(redis_looks& redis, const models::snapshot& s) {
  print_head("one explanation");
  asked_lines lines(s);
  const auto measure = [&](const std::string& what, models::prediction_line line) {
    models::explanation_request request;
    request.line = std::move(line);
    const std::string body = wire::encode(request);
    std::string answer;
    std::int64_t bids = 0;
    const double made = median_us([&](std::size_t) {
      const auto read = wire::decode_json<models::explanation_request>(body).value();
      const auto why = models::explain(s, read, s.loaded.newest_on).value();
      bids = why.bids_known;
      answer = wire::encode(why);
    });
    print(fmt::format("  {}, {} bids", what, bids), body.size(), answer.size(), made, redis.measure(body, answer));
  };
  for (const double share : {0.1, 0.5, 0.9, 1.0})
    measure("known item", lines.with_bids(share));
  for (int i = 0; i < 3; ++i)
    measure("new item", lines.strange());
}

redis::config read_redis(const std::string& text) {
  redis::config out;
  const auto colon = text.rfind(':');
  if (text.starts_with("/") || colon == std::string::npos) {
    out.socket = text;
    return out;
  }
  out.host = text.substr(0, colon);
  if (std::from_chars(text.data() + colon + 1, text.data() + text.size(), out.port).ec != std::errc())
    throw std::runtime_error("no port in " + text);
  return out;
}

} // namespace

int main(int argc, char** argv) {
  try {
    int at = 1;
    redis::config where;
    if (argc > 2 && argv[1] == std::string_view("--redis")) {
      where = read_redis(argv[2]);
      at = 3;
    }
    if (argc <= at) {
      std::fprintf(stderr, "usage: answer_cache [--redis SOCKET | --redis HOST:PORT] BIDS [LAST_YEAR]\n");
      return 2;
    }
    redis_looks redis(where);
    served(redis, 100, false);
    served(redis, 500, false);
    served(redis, 500, true);
    const auto s = snapshot_of(argv[at], argc > at + 1 ? std::stoi(argv[at + 1]) : 2016);
    batches(redis, *s);
    explanations(redis, *s);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "answer_cache: %s\n", e.what());
    return 1;
  }
}
