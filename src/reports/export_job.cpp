#include "reports/export_job.hpp"

#include "core/log.hpp"
#include "wire/json.hpp"

#include <fmt/format.h>

#include <vector>

namespace pricing::reports {
namespace {

struct export_row {
  std::int64_t id = 0;
  std::string dataset;
  std::string format;
  boost::json::value filter;
  std::string state;
  std::int64_t rows = 0, bytes = 0;
};
BOOST_DESCRIBE_STRUCT(export_row, (), (id, dataset, format, filter, state, rows, bytes))

#define COLUMNS "id, dataset, format, filter, state, rows, bytes"
constexpr const char* find_one = "select " COLUMNS " from exports where organization_id = $1 and id = $2";
constexpr const char* insert_one =
    "insert into exports (organization_id, dataset, format, filter) values ($1, $2, $3, $4) returning " COLUMNS;
#undef COLUMNS
constexpr const char* keep_ready =
    "update exports set state = 'ready', rows = $3, bytes = $4, object_key = $5, error = "
    "null, finished_at = now() where organization_id = $1 and id = $2";
constexpr const char* keep_failed = "update exports set state = 'failed', error = $3, finished_at = now() where "
                                    "organization_id = $1 and id = $2 and state = 'waiting'";
constexpr const char* delete_old =
    "delete from exports where organization_id = $1 and created_at < now() - make_interval(days => $2) "
    "returning object_key";

constexpr std::int64_t rows_between_reports = 50'000;

result<export_row> row_of(postgres::session& database, const export_in& in) {
  database.begin(in.organization_id);
  std::vector<export_row> rows;
  if (in.export_id) {
    rows = database.query<export_row>(find_one, in.organization_id, *in.export_id);
  } else {
    const std::string name = in.dataset.value_or("report");
    if (!find_dataset(name)) {
      database.rollback();
      return invalid_input("there is no dataset '" + name + "'", {{"dataset", "must be one of " + dataset_names()}});
    }
    rows = database.query<export_row>(insert_one, in.organization_id, name,
                                      std::string(to_string(in.format.value_or(file_format::xlsx))),
                                      wire::to_value(in.filter.value_or(export_filter{})));
  }
  database.commit();
  if (rows.empty())
    return not_found("there is no export " + std::to_string(*in.export_id));
  return std::move(rows.front());
}

class writing {
 public:
  writing(postgres::session& database, organization_id organization, const export_filter& filter,
          const export_progress& progress)
      : database_(database), organization_(organization), filter_(filter), progress_(progress) {}

  result<void> sheets_of(const dataset& d, table_writer& out) {
    if (d.sheets.empty())
      return sheet(d, out);
    for (const auto name : d.sheets)
      if (auto done = sheet(*find_dataset(name), out); !done)
        return done;
    return {};
  }
  std::int64_t rows() const { return rows_; }

 private:
  result<void> sheet(const dataset& d, table_writer& out) {
    report(d);
    out.begin_sheet(d);
    result<void> done;
    std::vector<cell> cells(d.columns.size());
    const auto add = [&](std::span<const postgres::field> row) {
      if (!done)
        return; // the rest is read and dropped: a COPY ends only with its last row
      for (std::size_t i = 0; i < cells.size(); ++i)
        cells[i] = row[i].null ? cell() : cell(row[i].value);
      done = out.add(cells);
      if (done && ++rows_ % rows_between_reports == 0)
        report(d);
    };
    database_.copy_out(d.select(organization_, filter_), add);
    return done;
  }
  void report(const dataset& d) const {
    if (progress_)
      progress_(d.title, rows_);
  }

  postgres::session& database_;
  organization_id organization_;
  const export_filter& filter_;
  const export_progress& progress_;
  std::int64_t rows_ = 0;
};

result<export_out> write(postgres::session& database, storage::object_store& objects, organization_id organization,
                         const export_row& row, const export_progress& progress) {
  const dataset* what = find_dataset(row.dataset);
  const auto format = wire::decode<file_format>(boost::json::value(row.format));
  const auto filter = wire::decode<export_filter>(row.filter);
  if (!what || !format || !filter)
    return invalid_input("there is no dataset '" + row.dataset + "'",
                         {{"dataset", "must be one of " + dataset_names()}});
  const auto key = fmt::format("exports/{}/{}.{}", organization.value, row.id, extension_of(*format));
  writing sheets(database, organization, *filter, progress);
  const auto fill = [&](const std::filesystem::path& path) -> result<void> {
    const auto out = open_table(*format, path);
    database.begin(organization);
    auto done = sheets.sheets_of(*what, *out);
    database.commit();
    out->finish();
    return done;
  };
  if (const auto stored = objects.put_file(key, fill); !stored)
    return stored.error();
  const auto bytes = static_cast<std::int64_t>(objects.size(key).value());
  database.begin(organization);
  const auto kept = database.execute(keep_ready, organization, row.id, sheets.rows(), bytes, key);
  database.commit();
  if (kept == 0) // deleted meanwhile
    objects.remove(key).value();
  return export_out{row.id, sheets.rows(), bytes};
}

} // namespace

result<export_out> run_export(postgres::session& database, storage::object_store& objects, const export_in& in,
                              const export_progress& progress) {
  const auto row = row_of(database, in);
  if (!row)
    return row.error();
  if (row->state == "ready")
    return export_out{row->id, row->rows, row->bytes};
  auto done = write(database, objects, in.organization_id, *row, progress);
  if (!done) {
    database.begin(in.organization_id);
    database.execute(keep_failed, in.organization_id, row->id, done.error().message);
    database.commit();
  }
  return done;
}

std::int64_t remove_old_exports(postgres::session& database, storage::object_store& objects,
                                organization_id organization, int days) {
  database.begin(organization);
  const auto keys = database.query<std::optional<std::string>>(delete_old, organization, days);
  database.commit();
  for (const auto& key : keys)
    if (key)
      objects.remove(*key).value();
  return static_cast<std::int64_t>(keys.size());
}

} // namespace pricing::reports
