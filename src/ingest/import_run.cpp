#include "ingest/import_run.hpp"

#include "ingest/key_set.hpp"
#include "ingest/loader.hpp"
#include "match/normalize.hpp"

#include <boost/json.hpp>

#include <map>

namespace pricing::ingest {
namespace {

constexpr std::size_t raw_cell_bytes_max = 2'000;

struct known_item {
  std::string normalized;
  std::string normalized_unit;
  const resolution* target = nullptr;
};
struct known_supplier {
  std::string normalized;
  const resolution* target = nullptr;
};

// Rows before their ids are known: positions in the resolvers' lists beside them, -1 for none.
struct open_columns {
  std::vector<std::int32_t> item, supplier, event;
  observation_columns columns;
};

struct open_batch {
  row_batch rows;
  open_columns plain;
  open_columns answered; // resolved by a learned or automatic answer
  struct held {
    typed_row row; // its texts are gone when the batch ends
    std::int64_t key;
    int number;
    resolution item, supplier;
    std::int32_t event;
    bool waiting;
  };
  std::vector<held> held_rows;
};

// Ranks count from 1; 0 marks the owner's estimate in bid tabulations.
std::optional<short> rank_of(const typed_row& row) {
  return row.rank && *row.rank > 0 ? std::optional(static_cast<short>(*row.rank)) : std::nullopt;
}

class importer {
 public:
  importer(const import_job& job, const session_factory& connect, const import_options& options,
           const progress_callback& progress)
      : job_(job),
        options_(options),
        progress_(progress),
        session_(connect()),
        store_(*session_, job.organization),
        items_(options.thresholds),
        suppliers_(options.thresholds),
        converter_(job.mapping),
        quality_(job.mapping, job.info.columns, job.today) {
    start_batch();
    session_->begin(job_.organization);
    store_.load_items(items_);
    store_.load_suppliers(suppliers_);
    session_->commit();
  }

  result<import_outcome> run(const session_factory& connect) {
    loader_ = std::make_unique<batch_loader>(connect, job_.organization, job_.upload_id, options_.loaders);
    auto reader = wire::open_table(job_.file, job_.info);
    if (!reader)
      return reader.error();
    wire::row_view row;
    for (;;) {
      const auto more = (*reader)->next(row);
      if (!more) {
        flush((*reader)->consumed_bytes());
        loader_->finish();
        return more.error();
      }
      if (!*more)
        break;
      if (row.number <= job_.info.header_row)
        continue;
      take(row);
      if (batch_->rows.counts.rows_in >= static_cast<std::int64_t>(options_.batch_rows))
        flush((*reader)->consumed_bytes());
    }
    flush(job_.info.file_bytes);
    loader_->finish();
    report();
    const auto counts = loader_->committed();
    return import_outcome{counts, quality_.report(job_.duplicates_before + counts.duplicates)};
  }

  result<batch_counts> one(const wire::row_view& row,
                           const std::function<void(ingest_store&, const batch_counts&)>& in_transaction) {
    take(row);
    if (batch_->rows.counts.quarantined > 0)
      return invalid_input(batch_->rows.quarantined.reason[0],
                           {{batch_->rows.quarantined.column_name[0], batch_->rows.quarantined.reason[0]}});
    const auto batch = finish_batch();
    session_->begin(job_.organization);
    const auto counts = write_rows(store_, *batch, job_.upload_id);
    in_transaction(store_, counts);
    session_->commit();
    return counts;
  }

 private:
  void start_batch() { batch_ = std::make_unique<open_batch>(); }

  void take(const wire::row_view& row) {
    const bool done_before = row.number <= job_.checkpoint_row;
    auto& counts = batch_->rows.counts;
    if (!done_before) {
      ++counts.rows_in;
      batch_->rows.checkpoint_row = row.number;
    }
    rejection why;
    typed_row typed;
    if (row.problem != nullptr)
      why = {-1, row.problem};
    if (row.problem != nullptr || !converter_.convert(row.cells, typed, why)) {
      quality_.rejected(row.number, why);
      if (!done_before)
        quarantine(row, why);
      return;
    }
    auto& item = item_of(typed);
    const auto* supplier = typed.supplier.empty() ? nullptr : &supplier_of(typed.supplier);
    const auto key =
        row_key(typed, item.normalized, item.normalized_unit, supplier ? supplier->normalized : std::string_view{});
    const bool repeated = !seen_.insert(key);
    if (repeated) {
      quality_.duplicate(row.number);
      counts.duplicates += !done_before;
    }
    if (done_before) {
      quality_.accepted(row.number, typed, row.cells, 0);
      return;
    }
    resolve(typed, item, supplier);
    quality_.accepted(
        row.number, typed, row.cells,
        item.target->held() ? 0 : items_.entities()[static_cast<std::size_t>(item.target->entity)].median_price);
    if (!repeated)
      place(row.number, typed, key, *item.target, supplier ? *supplier->target : resolution{});
  }

  void quarantine(const wire::row_view& row, const rejection& why) {
    auto& q = batch_->rows.quarantined;
    boost::json::array cells;
    for (const auto& cell : row.cells.first(std::min<std::size_t>(row.cells.size(), 1'000))) {
      std::string text(cut_utf8(cell, raw_cell_bytes_max));
      std::erase(text, '\0'); // PostgreSQL stores none
      cells.emplace_back(std::move(text));
    }
    q.row_number.push_back(static_cast<int>(row.number));
    q.column_name.push_back(why.column >= 0 ? job_.info.columns[static_cast<std::size_t>(why.column)] : "");
    q.reason.push_back(why.reason);
    q.raw.push_back(boost::json::serialize(cells));
    ++batch_->rows.counts.quarantined;
  }

  known_item& item_of(const typed_row& row) {
    key_text_.assign(row.item_name).append(1, '\x1f').append(row.unit).append(1, '\x1f').append(row.code);
    auto& known = known_items_[key_text_];
    if (known.normalized.empty()) {
      known.normalized = match::normalize_item(row.item_name);
      if (known.normalized.empty())
        known.normalized = row.item_name; // nothing but signs
      known.normalized_unit = match::normalize_unit(row.unit);
    }
    return known;
  }

  known_supplier& supplier_of(std::string_view name) {
    key_text_.assign(name);
    auto& known = known_suppliers_[key_text_];
    if (known.normalized.empty()) {
      known.normalized = match::normalize_supplier(name);
      if (known.normalized.empty())
        known.normalized = name;
    }
    return known;
  }

  void resolve(const typed_row& row, known_item& item, const known_supplier* supplier) {
    if (item.target == nullptr) {
      item.target =
          &items_.resolve(row.item_name, item.normalized, row.unit, item.normalized_unit, row.code, row.category);
      if (!item.target->held()) {
        auto& e = items_.entities()[static_cast<std::size_t>(item.target->entity)];
        const auto& lump = job_.mapping.unpriced_units;
        if (e.id == 0)
          e.is_priced = std::find(lump.begin(), lump.end(), item.normalized_unit) == lump.end();
      }
    }
    if (supplier != nullptr && supplier->target == nullptr)
      const_cast<known_supplier*>(supplier)->target =
          &suppliers_.resolve(row.supplier, supplier->normalized, "", "", "", "");
  }

  std::int32_t event_of(const typed_row& row) {
    if (row.event.empty())
      return -1;
    key_text_.assign(row.event).append(1, '\x1f').append(std::to_string(row.observed_on.time_since_epoch().count()));
    const auto [known, added] = event_by_key_.emplace(key_text_, static_cast<std::int32_t>(event_ids_.size()));
    if (added) {
      event_ids_.push_back(0);
      new_events_.push_back(
          {std::string(row.event), row.observed_on, to_string(job_.mapping.kind), std::string(row.place)});
    }
    return known->second;
  }

  void place(std::int64_t number, const typed_row& row, std::int64_t key, const resolution& item,
             const resolution& supplier) {
    const bool supplier_open = !row.supplier.empty() && supplier.held();
    const bool waiting = item.held() || supplier_open;
    const auto event = event_of(row);
    if (waiting || item.question >= 0 || supplier.question >= 0)
      batch_->held_rows.push_back({row, key, static_cast<int>(number), item, supplier, event, waiting});
    if (waiting) {
      ++batch_->rows.counts.awaiting;
      return;
    }
    auto& target = item.question >= 0 || supplier.question >= 0 ? batch_->answered : batch_->plain;
    target.item.push_back(item.entity);
    target.supplier.push_back(row.supplier.empty() ? -1 : supplier.entity);
    target.event.push_back(event);
    auto& o = target.columns;
    o.row_key.push_back(key);
    o.observed_on.push_back(row.observed_on);
    o.line.push_back(row.line);
    o.kind.push_back(static_cast<short>(row.kind));
    o.rank.push_back(rank_of(row));
    o.price.push_back(row.price);
    o.quantity.push_back(row.quantity);
    o.amount.push_back(row.amount);
    o.currency.emplace_back(row.currency.data(), row.currency.size());
    o.source_row.push_back(static_cast<int>(number));
  }

  // What is new gets its ids before the rows that need them; an item without rows does no harm if we die in between.
  void store_new() {
    if (items_.stored_entities == items_.entities().size() && items_.stored_questions == items_.questions().size() &&
        suppliers_.stored_entities == suppliers_.entities().size() &&
        suppliers_.stored_questions == suppliers_.questions().size() && new_events_.empty())
      return;
    session_->begin(job_.organization);
    store_.store_new_items(items_);
    store_.store_new_suppliers(suppliers_);
    store_.store_new_questions(items_, "item");
    store_.store_new_questions(suppliers_, "supplier");
    const auto ids = store_.store_events(new_events_);
    session_->commit();
    std::copy(ids.begin(), ids.end(), event_ids_.end() - static_cast<std::ptrdiff_t>(ids.size()));
    new_events_.clear();
  }

  std::optional<std::int64_t> event_id(std::int32_t position) const {
    return position < 0 ? std::nullopt : std::optional(event_ids_[static_cast<std::size_t>(position)]);
  }
  static std::optional<std::int64_t> question_id(resolver& r, std::int32_t question) {
    return question < 0 ? std::nullopt : std::optional(r.questions()[static_cast<std::size_t>(question)].id);
  }
  static std::optional<std::int64_t> entity_id(resolver& r, std::int32_t entity) {
    return entity < 0 ? std::nullopt : std::optional(r.entities()[static_cast<std::size_t>(entity)].id);
  }

  // A year is asked about before its first row is written, so the answer is about what stood there before this run.
  bool all_new(const std::vector<date>& days) {
    bool out = true;
    for (const auto day : days) {
      const auto year = static_cast<int>(std::chrono::year_month_day{day}.year());
      if (year == last_year_.first && last_year_.second)
        continue;
      const auto known = new_years_.find(year);
      const bool is_new = known != new_years_.end() ? known->second : ask_year(year);
      last_year_ = {year, is_new};
      out = out && is_new;
    }
    return out;
  }
  bool ask_year(int year) {
    session_->begin(job_.organization);
    const bool is_new = !store_.has_observations_in_year(year);
    session_->commit();
    new_years_.emplace(year, is_new);
    return is_new;
  }

  observation_columns with_ids(open_columns rows) {
    auto& o = rows.columns;
    for (std::size_t i = 0; i < rows.item.size(); ++i) {
      o.item.push_back(items_.entities()[static_cast<std::size_t>(rows.item[i])].id);
      o.supplier.push_back(entity_id(suppliers_, rows.supplier[i]));
      o.event.push_back(event_id(rows.event[i]));
    }
    return std::move(o);
  }

  // The open batch with its ids, what is new stored before.
  std::unique_ptr<row_batch> finish_batch() {
    store_new();
    batch_->rows.observations = with_ids(std::move(batch_->plain));
    batch_->rows.answered = with_ids(std::move(batch_->answered));
    for (const auto& h : batch_->held_rows)
      add_held(h);
    batch_->rows.all_new = all_new(batch_->rows.observations.observed_on) && all_new(batch_->rows.answered.observed_on);
    auto out = std::make_unique<row_batch>(std::move(batch_->rows));
    start_batch();
    return out;
  }

  void flush(std::uint64_t bytes_read) {
    if (batch_->rows.counts.rows_in == 0)
      return;
    auto batch = finish_batch();
    batch->bytes_read = static_cast<std::int64_t>(bytes_read);
    loader_->push(std::move(batch));
    report();
  }

  void add_held(const open_batch::held& h) {
    const auto number_or_null = [](const auto& value) {
      return value ? boost::json::value(value->to_string()) : boost::json::value(nullptr);
    };
    const auto id_or_null = [](const auto& value) {
      return value ? boost::json::value(static_cast<std::int64_t>(*value)) : boost::json::value(nullptr);
    };
    const bool has_supplier = !h.row.supplier.empty();
    boost::json::object row{
        {"state", h.waiting ? "waiting" : "loaded"},
        {"item_open", h.item.held()},
        {"supplier_open", has_supplier && h.supplier.held()},
        {"item_id", id_or_null(entity_id(items_, h.item.entity))},
        {"supplier_id", id_or_null(has_supplier ? entity_id(suppliers_, h.supplier.entity) : std::nullopt)},
        {"event_id", id_or_null(event_id(h.event))},
        {"observed_on", pricing::to_string(h.row.observed_on)},
        {"line", id_or_null(h.row.line)},
        {"kind", static_cast<int>(h.row.kind)},
        {"rank", id_or_null(rank_of(h.row))},
        {"price", h.row.price.to_string()},
        {"quantity", number_or_null(h.row.quantity)},
        {"amount", number_or_null(h.row.amount)},
        {"currency", std::string(h.row.currency.data(), 3)},
        {"row_key", h.key}};
    auto& held = batch_->rows.held;
    held.row_number.push_back(h.number);
    held.item_match.push_back(question_id(items_, h.item.question));
    held.supplier_match.push_back(has_supplier ? question_id(suppliers_, h.supplier.question) : std::nullopt);
    held.row.push_back(boost::json::serialize(row));
  }

  void report() {
    if (!progress_)
      return;
    const auto total = job_.info.file_bytes;
    progress_(
        {loader_->committed(),
         total == 0 ? 1 : std::min(1.0, static_cast<double>(loader_->committed_bytes()) / static_cast<double>(total))});
  }

  const import_job& job_;
  import_options options_;
  progress_callback progress_;
  std::unique_ptr<postgres::session> session_;
  ingest_store store_;
  resolver items_, suppliers_;
  row_converter converter_;
  quality_meter quality_;
  key_set seen_;
  std::unordered_map<std::string, known_item> known_items_;
  std::unordered_map<std::string, known_supplier> known_suppliers_;
  std::unordered_map<std::string, std::int32_t> event_by_key_;
  std::vector<std::int64_t> event_ids_;
  std::vector<new_event> new_events_;
  std::string key_text_;
  std::map<int, bool> new_years_;
  std::pair<int, bool> last_year_{};
  std::unique_ptr<open_batch> batch_;
  std::unique_ptr<batch_loader> loader_; // last: its threads end first
};

} // namespace

result<import_outcome> run_import(const import_job& job, const session_factory& connect, const import_options& options,
                                  const progress_callback& progress) {
  return importer(job, connect, options, progress).run(connect);
}

result<batch_counts> import_row(const import_job& job, const session_factory& connect, const wire::row_view& row,
                                const std::function<void(ingest_store&, const batch_counts&)>& in_transaction) {
  return importer(job, connect, {}, {}).one(row, in_transaction);
}

} // namespace pricing::ingest
