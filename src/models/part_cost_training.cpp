#include "models/part_cost_training.hpp"

#include "models/part_form.hpp"

#include <cmath>

namespace pricing::models {
namespace {

struct newest_table {
  std::int64_t id = 0;
  std::string object_key;
};
BOOST_DESCRIBE_STRUCT(newest_table, (), (id, object_key))

constexpr const char* find_table =
    "select id, object_key from part_tables where organization_id = $1 order by id desc limit 1";
constexpr const char* lock_models = "select pg_advisory_xact_lock(hashtextextended('part_cost_models', $1))::text";
constexpr const char* retire = "update part_cost_models set state = 'retired' where organization_id = $1 and state = "
                               "'promoted'";
constexpr const char* insert =
    "insert into part_cost_models (organization_id, version, state, table_id, object_key, sha256, metrics) select $1, "
    "current_date || '.' || 1 + (select count(*) from part_cost_models where organization_id = $1 and version like "
    "current_date || '.%'), $2, $3, $4, $5, $6 returning version";

constexpr std::size_t few_quotes = 5'000; // of which each fifth can be held out in turn within a minute

learn::part_cost_options options_for(const part_table& table) {
  learn::part_cost_options out;
  out.threads = table.quotes.size() < few_quotes ? 1 : 2;
  out.calibration_folds = table.quotes.size() < few_quotes ? 5 : 1;
  return out;
}

boost::json::object to_metrics(const learn::part_cost_report& r, const part_table& table) {
  return {{"rmsle", r.rmsle},
          {"rmsle_usual", r.rmsle_usual},
          {"typical_error", r.typical_error},
          {"coverage_90", r.coverage_90},
          {"tested_quotes", r.quotes},
          {"quotes", table.quotes.size()},
          {"parts", table.catalog.parts.size()},
          {"form", wire::to_value(form_of(table))}};
}

} // namespace

result<train_part_costs_out> train_part_costs(postgres::session& database, storage::object_store& objects,
                                              organization_id organization, const training_progress& progress) {
  const auto step = [&](std::string_view what, double share) {
    if (progress)
      progress(what, share);
  };
  step("reading the table", 0);
  database.begin(organization);
  const auto found = database.query<newest_table>(find_table, organization);
  database.commit();
  if (found.empty())
    return invalid_input("there are no part quotes to learn from; upload a table of them first");
  auto bytes = objects.get(found.front().object_key);
  if (!bytes)
    return bytes.error();
  const auto table = read_part_table({{}, std::make_shared<const std::string>(std::move(*bytes))});
  if (!table)
    return table.error();
  step("training", 0.05);
  auto options = options_for(*table);
  const int members = options.members * (1 + options.calibration_folds);
  options.after_member = [&, done = 0]() mutable {
    ++done;
    step("training", 0.05 + 0.9 * done / members);
  };
  const auto model = learn::train_part_cost(table->catalog, table->quotes, options);
  if (!model)
    return model.error();
  step("storing", 0.98);
  const std::string file = model->save();
  const std::string key = storage::content_key("models", file);
  if (const auto stored = objects.put(key, file); !stored)
    return stored.error();
  const auto& tested = model->report();
  const bool better = tested.quotes > 0 && tested.rmsle < tested.rmsle_usual;
  database.begin(organization);
  database.query<std::string>(lock_models, organization);
  if (better)
    database.execute(retire, organization);
  const auto version =
      database
          .query<std::string>(insert, organization, std::string(better ? "promoted" : "rejected"), found.front().id,
                              key, key.substr(key.rfind('/') + 1), boost::json::value(to_metrics(tested, *table)))
          .at(0);
  database.commit();
  step("done", 1);
  return train_part_costs_out{version, better, tested.rmsle, tested.rmsle_usual};
}

} // namespace pricing::models
