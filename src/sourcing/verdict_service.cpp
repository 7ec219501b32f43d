#include "sourcing/verdict_service.hpp"

#include "market/benchmark_store.hpp"
#include "match/normalize.hpp"
#include "sourcing/reading.hpp"

#include <algorithm>
#include <chrono>

namespace pricing::sourcing {
namespace {

constexpr const char* find_currency = "select currency::text from organizations where id = $1";

date today() {
  return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
}

// Lines that the model can be asked about: "-----" names nothing, and one such line would get the whole request
// refused.
std::vector<std::size_t> askable(const proposal& p, const std::vector<std::optional<known_item>>& items) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < p.lines.size(); ++i)
    if (items[i] || !match::normalize_item(p.lines[i].description->value).empty())
      out.push_back(i);
  return out;
}

models::prediction_request request_of(const proposal& p, const std::vector<std::optional<known_item>>& items,
                                      const std::vector<std::size_t>& lines) {
  models::prediction_request out;
  out.on = p.on;
  out.place = p.place;
  for (const auto i : lines) {
    models::prediction_line line;
    if (items[i])
      line.item_id = items[i]->id;
    else
      line.description = p.lines[i].description;
    line.unit = p.lines[i].unit;
    line.quantity = p.lines[i].quantity;
    for (const auto& price : asked_prices(p.lines[i]))
      line.prices.push_back(price);
    out.lines.push_back(std::move(line));
  }
  return out;
}

void trim(proposal& p) {
  for (auto& line : p.lines) {
    if (line.description)
      line.description->value = clean(line.description->value, 500);
    for (auto& quoted : line.prices)
      quoted.supplier.value = clean(quoted.supplier.value, 200);
  }
}

std::string joined(const std::vector<std::string>& sentences) {
  std::string out;
  for (const auto& s : sentences)
    out += (out.empty() ? "" : " ") + s;
  return out;
}

} // namespace

// One proposal on its way to a verdict.
struct verdict_service::asked {
  std::shared_ptr<const proposal> content;
  std::vector<std::string> notes;
  std::string currency;
  verdict_request request;
  std::vector<std::optional<known_item>> items;
  std::vector<models::predicted_line> predictions;
  std::optional<std::string> model_version;
  verdict judged;
};

verdict_service::verdict_service(postgres::pool& database, net::cpu_pool& cpu, predict_function predict)
    : database_(database), cpu_(cpu), predict_(std::move(predict)), store_(database) {}

asio::awaitable<result<std::string>> verdict_service::currency_of(postgres::scope s) {
  co_return co_await database_.query_one<std::string>(s, find_currency, s.organization);
}

asio::awaitable<result<verdict>> verdict_service::judge(asker who, proposal p) {
  auto currency = co_await currency_of(who.scope);
  if (!currency)
    co_return currency.error();
  if (p.currency && p.currency->value != *currency)
    co_return invalid_input("the prices are in " + p.currency->value + " and your history in " + *currency +
                                "; convert them first",
                            {{"currency", "must be " + *currency}});
  trim(p);
  if (!p.on)
    p.on = today();
  if (auto ok = check(p); !ok)
    co_return ok.error();
  auto a = std::make_shared<asked>();
  a->content = std::make_shared<const proposal>(std::move(p));
  a->currency = std::move(*currency);
  co_return co_await judge(who, a);
}

asio::awaitable<result<verdict>> verdict_service::judge_file(asker who, std::string bytes, std::string file_name,
                                                             std::optional<date> on) {
  verdict_request request{.source = asked_as::file, .file_name = clean(file_name, 200)};
  const auto held = std::make_shared<std::string>(std::move(bytes)); // read once
  const reader read = [held, file_name](const reading_options& o) { return read_file(std::move(*held), file_name, o); };
  co_return co_await judge_read(who, read, on, file_name, {}, request);
}

asio::awaitable<result<verdict>> verdict_service::judge_text(asker who, std::string text,
                                                             std::optional<std::string> name, std::optional<date> on) {
  verdict_request request{.source = asked_as::text};
  const auto held = std::make_shared<std::string>(std::move(text));
  const reader read = [held](const reading_options& o) { return read_text(std::move(*held), o); };
  co_return co_await judge_read(who, read, on, {}, name, request);
}

asio::awaitable<result<verdict>> verdict_service::judge_read(asker who, reader read, std::optional<date> on,
                                                             std::string usual_name, std::optional<std::string> name,
                                                             verdict_request request) {
  auto currency = co_await currency_of(who.scope);
  if (!currency)
    co_return currency.error();
  const reading_options options{*currency, today(), on};
  const auto work = [read, options]() -> result<read_proposal> {
    auto out = read(options);
    if (out)
      if (auto ok = check(out->content); !ok)
        return ok.error();
    return out;
  };
  auto found = co_await cpu_.run(work);
  if (!found)
    co_return found.error();
  auto& called = found->content.name;
  if (name || !called)
    called = wire::text<0, 200>{clean(name.value_or(usual_name), 200)};
  auto a = std::make_shared<asked>();
  a->content = std::make_shared<const proposal>(std::move(found->content));
  a->notes = std::move(found->notes);
  a->currency = std::move(*currency);
  a->request = std::move(request);
  co_return co_await judge(who, a);
}

asio::awaitable<result<verdict>> verdict_service::judge(asker who, std::shared_ptr<asked> a) {
  auto items = co_await find_items(database_, cpu_, who.scope, a->content);
  if (!items)
    co_return items.error();
  a->items = std::move(*items);
  if (auto ok = co_await predict(who, *a); !ok)
    co_return ok.error();
  if (auto ok = co_await add_benchmarks(who.scope, *a); !ok)
    co_return ok.error();
  const auto work = [a]() -> result<verdict> { return judge_proposal(*a->content, a->items, a->predictions); };
  auto judged = co_await cpu_.run(work);
  if (!judged)
    co_return judged.error();
  a->judged = std::move(*judged);
  if (auto ok = co_await store(who, *a); !ok)
    co_return ok.error();
  co_return std::move(a->judged);
}

// The model's absence is no failure: the predictions stay empty and the notice says so.
asio::awaitable<result<void>> verdict_service::predict(asker who, asked& a) {
  a.predictions.assign(a.content->lines.size(), {});
  const auto lines = askable(*a.content, a.items);
  auto request = request_of(*a.content, a.items, lines);
  auto answer = co_await predict_(who.scope.organization, who.user, std::move(request));
  if (answer && answer->lines.size() == lines.size()) {
    for (std::size_t n = 0; n < lines.size(); ++n)
      a.predictions[lines[n]] = std::move(answer->lines[n]);
    a.model_version = std::move(answer->model_version);
    if (!a.model_version)
      a.notes.insert(a.notes.begin(),
                     "No price model is in use yet; these prices come from comparable earlier prices.");
  } else if (!answer && answer.error().code == errc::invalid_input) {
    a.notes.insert(a.notes.begin(), "The price model refused this proposal (" + answer.error().message +
                                        "); these prices come from benchmarks, without reasons.");
  } else {
    a.notes.insert(a.notes.begin(), "The price model is not reachable; these prices come from benchmarks, without "
                                    "reasons. Judge again later for the model's view.");
  }
  co_return result<void>();
}

asio::awaitable<result<void>> verdict_service::add_benchmarks(postgres::scope s, asked& a) {
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < a.items.size(); ++i)
    if (!a.predictions[i].expected && a.items[i] && a.items[i]->is_priced)
      ids.push_back(a.items[i]->id);
  if (ids.empty())
    co_return result<void>();
  auto rows = co_await market::benchmarks_of(database_, s, ids);
  if (!rows)
    co_return rows.error();
  std::unordered_map<std::int64_t, const market::item_benchmark_row*> by_item;
  for (const auto& row : *rows)
    by_item.emplace(row.item_id, &row);
  for (std::size_t i = 0; i < a.items.size(); ++i)
    if (!a.predictions[i].expected && a.items[i])
      if (const auto found = by_item.find(a.items[i]->id); found != by_item.end())
        a.predictions[i] = predict_from(*found->second, a.content->lines[i]);
  co_return result<void>();
}

asio::awaitable<result<void>> verdict_service::store(asker who, asked& a) {
  auto& v = a.judged;
  v.name = a.content->name ? a.content->name->value : std::string();
  v.on = *a.content->on;
  v.currency = a.currency;
  v.model_version = a.model_version;
  v.model_available = a.model_version.has_value();
  if (!a.notes.empty())
    v.notice = joined(a.notes);
  std::vector<std::string> names;
  for (const auto& b : v.bidders)
    names.push_back(b.supplier);
  auto suppliers = co_await find_suppliers(database_, who.scope, names);
  if (!suppliers)
    co_return suppliers.error();
  for (auto& b : v.bidders)
    if (const auto found = suppliers->find(b.supplier); found != suppliers->end())
      b.supplier_id = found->second;
  a.request.lines = static_cast<std::int64_t>(v.lines.size());
  a.request.bidders = static_cast<std::int64_t>(v.bidders.size());
  a.request.worst = worst_of(v);
  const verdict_summary summary{.name = v.name, .on = v.on, .total_excess = v.bidders.front().excess};
  auto id = co_await store_.insert(who.scope, who.user, summary, a.request, wire::encode(v));
  if (!id)
    co_return id.error();
  v.id = *id;
  co_return result<void>();
}

asio::awaitable<result<verdict>> verdict_service::find(postgres::scope s, std::int64_t id) {
  auto stored = co_await store_.find(s, id);
  if (!stored)
    co_return stored.error();
  const auto work = [text = std::move(*stored), id]() -> result<verdict> {
    auto v = wire::decode_json<verdict>(text);
    if (v)
      v->id = id;
    return v;
  };
  co_return co_await cpu_.run(work);
}

asio::awaitable<result<http::page<verdict_summary>>> verdict_service::list(postgres::scope s, int limit,
                                                                           std::optional<std::string> cursor) {
  return store_.list(s, limit, std::move(cursor));
}

} // namespace pricing::sourcing
