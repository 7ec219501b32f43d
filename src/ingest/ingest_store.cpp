#include "ingest/ingest_store.hpp"

#include "match/normalize.hpp"

#include <boost/json.hpp>

#include <cmath>

namespace pricing::ingest {
namespace {

constexpr const char* upload_columns =
    "id, file_name, bytes, object_key, state, kind, mapping_id, detected::text, rows_in::bigint, loaded::bigint, "
    "quarantined::bigint, duplicates::bigint, awaiting::bigint, checkpoint_row::bigint, total_rows_estimate::bigint, "
    "bytes_read::bigint, error, quality::text, created_at, started_at, finished_at";

std::string select_upload(const char* rest) {
  return std::string("select ") + upload_columns + " from uploads " + rest;
}

template <class T>
std::optional<T> first(std::vector<T> rows) {
  if (rows.empty())
    return std::nullopt;
  return std::move(rows.front());
}

} // namespace

std::string ingest_store::currency() {
  return database_.query<std::string>("select currency::text from organizations where id = $1", organization_.value)
      .at(0);
}

std::int64_t ingest_store::create_upload(const new_upload& u) {
  static constexpr const char* sql =
      "insert into uploads (organization_id, file_name, sha256, bytes, object_key, state, created_by) "
      "values ($1, $2, $3, $4, $5, 'pending', $6) returning id";
  return database_
      .query<std::int64_t>(sql, organization_.value, u.file_name, postgres::bytes{u.sha256}, u.bytes, u.object_key,
                           u.created_by)
      .at(0);
}

std::optional<upload_row> ingest_store::find_upload(std::int64_t id) {
  static const std::string sql = select_upload("where organization_id = $1 and id = $2");
  return first(database_.query<upload_row>(sql, organization_.value, id));
}

std::optional<upload_row> ingest_store::lock_upload(std::int64_t id) {
  static const std::string sql = select_upload("where organization_id = $1 and id = $2 for no key update");
  return first(database_.query<upload_row>(sql, organization_.value, id));
}

std::optional<upload_row> ingest_store::find_upload_by_hash(const std::string& sha256) {
  static const std::string sql =
      select_upload("where organization_id = $1 and sha256 = $2 and state <> 'failed' order by id desc limit 1");
  return first(database_.query<upload_row>(sql, organization_.value, postgres::bytes{sha256}));
}

std::vector<upload_row> ingest_store::list_uploads(std::int64_t before_id, int limit) {
  static const std::string sql = select_upload("where organization_id = $1 and id < $2 order by id desc limit $3");
  return database_.query<upload_row>(sql, organization_.value, before_id, limit);
}

void ingest_store::set_state(std::int64_t id, upload_state state, const std::optional<std::string>& error) {
  static constexpr const char* sql =
      "update uploads set state = $3, error = $4, "
      "started_at = case when $3 = 'processing' then coalesce(started_at, now()) else started_at end, "
      "finished_at = case when $3 in ('completed', 'partial', 'failed') then coalesce(finished_at, now()) end "
      "where organization_id = $1 and id = $2";
  database_.execute(sql, organization_.value, id, to_string(state), error);
}

void ingest_store::set_detected(std::int64_t id, const std::string& detected_json, std::int64_t total_rows) {
  static constexpr const char* sql = "update uploads set detected = $3::text::jsonb, total_rows_estimate = $4 "
                                     "where organization_id = $1 and id = $2";
  database_.execute(sql, organization_.value, id, detected_json, total_rows);
}

void ingest_store::set_mapping(std::int64_t id, std::optional<std::int64_t> mapping_id, const std::string& kind) {
  static constexpr const char* sql =
      "update uploads set mapping_id = $3, kind = $4 where organization_id = $1 and id = $2";
  database_.execute(sql, organization_.value, id, mapping_id, kind);
}

void ingest_store::add_counts(std::int64_t id, const batch_counts& c, std::int64_t checkpoint_row,
                              std::int64_t bytes_read) {
  static constexpr const char* sql =
      "update uploads set rows_in = rows_in + $3, loaded = loaded + $4, quarantined = quarantined + $5, "
      "duplicates = duplicates + $6, awaiting = awaiting + $7, checkpoint_row = $8, bytes_read = $9 "
      "where organization_id = $1 and id = $2";
  database_.execute(sql, organization_.value, id, c.rows_in, c.loaded, c.quarantined, c.duplicates, c.awaiting,
                    checkpoint_row, bytes_read);
}

void ingest_store::move_counts(std::int64_t upload_id, const batch_counts& d) {
  static constexpr const char* sql =
      "update uploads set loaded = loaded + $3, quarantined = quarantined + $4, duplicates = duplicates + $5, "
      "awaiting = awaiting + $6 where organization_id = $1 and id = $2";
  database_.execute(sql, organization_.value, upload_id, d.loaded, d.quarantined, d.duplicates, d.awaiting);
  static constexpr const char* settle =
      "update uploads set state = case when quarantined - (select count(*) from quarantined_rows q where "
      "q.organization_id = $1 and q.upload_id = $2 and q.state = 'dismissed') > 0 or awaiting > 0 then 'partial' else "
      "'completed' end where organization_id = $1 and id = $2 and state in ('partial', 'completed')";
  database_.execute(settle, organization_.value, upload_id);
}

void ingest_store::set_quality(std::int64_t id, const std::string& quality_json) {
  static constexpr const char* sql =
      "update uploads set quality = $3::text::jsonb where organization_id = $1 and id = $2";
  database_.execute(sql, organization_.value, id, quality_json);
}

bool ingest_store::try_lock_imports() {
  static constexpr const char* sql = "select pg_try_advisory_lock(hashtextextended('ingest', $1))";
  return database_.query<bool>(sql, organization_.value).at(0);
}

void ingest_store::unlock_imports() {
  static constexpr const char* sql = "select pg_advisory_unlock(hashtextextended('ingest', $1))";
  database_.query<bool>(sql, organization_.value);
}

std::int64_t ingest_store::save_mapping(const std::string& name, const std::string& fingerprint,
                                        const std::string& mapping_json) {
  static constexpr const char* find = "select id from mapping_templates where organization_id = $1 and name = $2 and "
                                      "header_fingerprint = $3 and mapping = $4::text::jsonb limit 1";
  if (auto same = database_.query<std::int64_t>(find, organization_.value, name, fingerprint, mapping_json);
      !same.empty())
    return same[0];
  static constexpr const char* sql =
      "insert into mapping_templates (organization_id, name, header_fingerprint, mapping) "
      "values ($1, $2, $3, $4::text::jsonb) returning id";
  return database_.query<std::int64_t>(sql, organization_.value, name, fingerprint, mapping_json).at(0);
}

std::optional<mapping_row> ingest_store::find_mapping(std::int64_t id) {
  static constexpr const char* sql = "select id, name, header_fingerprint, mapping::text, created_at from "
                                     "mapping_templates where organization_id = $1 and id = $2";
  return first(database_.query<mapping_row>(sql, organization_.value, id));
}

std::optional<mapping_row> ingest_store::find_mapping_by_name(const std::string& name) {
  static constexpr const char* sql =
      "select id, name, header_fingerprint, mapping::text, created_at from "
      "mapping_templates where organization_id = $1 and name = $2 order by id desc limit 1";
  return first(database_.query<mapping_row>(sql, organization_.value, name));
}

std::optional<mapping_row> ingest_store::find_mapping_by_fingerprint(const std::string& fingerprint) {
  static constexpr const char* sql =
      "select id, name, header_fingerprint, mapping::text, created_at from mapping_templates "
      "where organization_id = $1 and header_fingerprint = $2 order by id desc limit 1";
  return first(database_.query<mapping_row>(sql, organization_.value, fingerprint));
}

std::vector<mapping_row> ingest_store::list_mappings() {
  static constexpr const char* sql = "select id, name, header_fingerprint, mapping::text, created_at from "
                                     "mapping_templates where organization_id = $1 order by id desc limit 200";
  return database_.query<mapping_row>(sql, organization_.value);
}

namespace {

struct known_row {
  std::int64_t id = 0;
  std::string name, normalized, unit, code;
  double median = 0;
};
BOOST_DESCRIBE_STRUCT(known_row, (), (id, name, normalized, unit, code, median))

struct alias_row {
  std::int64_t entity_id = 0;
  std::string normalized, unit;
  std::int64_t decision_id = 0;
};
BOOST_DESCRIBE_STRUCT(alias_row, (), (entity_id, normalized, unit, decision_id))

struct placed {
  int position = 0;
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(placed, (), (position, id))

struct decided_row {
  std::string asked, known;
  bool same = false;
};
BOOST_DESCRIBE_STRUCT(decided_row, (), (asked, known, same))

// A lesson is learned anew by every load: so many decisions, the newest, cost it a second at most.
constexpr int decisions_max = 1'000;

struct question_row {
  std::int64_t id = 0;
  std::string source_text, normalized, unit;
};
BOOST_DESCRIBE_STRUCT(question_row, (), (id, source_text, normalized, unit))

void fill(resolver& into, std::vector<known_row> known, std::vector<alias_row> aliases,
          std::vector<question_row> open) {
  for (auto& k : known) {
    auto unit = match::normalize_unit(k.unit);
    into.add_known({k.id,
                    std::move(k.name),
                    std::move(k.normalized),
                    std::move(k.unit),
                    std::move(unit),
                    std::move(k.code),
                    {},
                    k.median});
  }
  for (const auto& a : aliases)
    into.add_alias(a.entity_id, a.normalized, a.unit, a.decision_id);
  for (auto& q : open)
    into.add_pending({q.id, std::move(q.source_text), std::move(q.normalized), std::move(q.unit), {}, false});
}

} // namespace

match::taught_linkage ingest_store::lesson(const std::string& kind) {
  // Who chose one candidate, or none, said of the others that they are something else.
  const auto decided = [](const char* table) {
    return std::string(
               "select d.normalized, k.normalized_name, d.state = 'matched' and d.chosen_id = k.id from (select "
               "id, normalized, state, chosen_id, candidates from match_decisions where organization_id = $1 "
               "and kind = $2 and state in ('matched', 'new') order by decided_at desc, id desc limit $3) d "
               "cross join lateral (select (c->>'id')::bigint as id from jsonb_array_elements(d.candidates) c "
               "union select d.chosen_id where d.state = 'matched') c join ") +
           table +
           " k on k.organization_id = $1 and k.id = c.id where k.normalized_name <> d.normalized order by d.id, k.id";
  };
  static const std::string of_items = decided("items"), of_suppliers = decided("suppliers");
  std::vector<match::decision> lessons;
  for (auto& row :
       database_.query<decided_row>(kind == "item" ? of_items : of_suppliers, organization_.value, kind, decisions_max))
    lessons.push_back({std::move(row.asked), std::move(row.known), row.same});
  return match::taught_linkage::learn(lessons);
}

void ingest_store::load_items(resolver& into) {
  into.teach(lesson("item"));
  static constexpr const char* items =
      "select i.id, i.name, i.normalized_name, coalesce(i.unit, ''), coalesce(i.code, ''), "
      "coalesce(s.median_price, 0)::float8 from items i left join item_statistics s on s.organization_id = "
      "i.organization_id and s.item_id = i.id where i.organization_id = $1 order by i.id";
  static constexpr const char* aliases =
      "select a.item_id, a.normalized_name, coalesce(a.unit, ''), coalesce(d.id, 0) from item_aliases a left join "
      "match_decisions d on d.organization_id = a.organization_id and d.kind = 'item' and d.normalized = "
      "a.normalized_name and d.unit = a.unit where a.organization_id = $1";
  static constexpr const char* open = "select id, source_text, normalized, unit from match_decisions where "
                                      "organization_id = $1 and kind = 'item' and state = 'pending'";
  fill(into, database_.query<known_row>(items, organization_.value),
       database_.query<alias_row>(aliases, organization_.value),
       database_.query<question_row>(open, organization_.value));
}

void ingest_store::load_suppliers(resolver& into) {
  into.teach(lesson("supplier"));
  static constexpr const char* suppliers = "select id, name, normalized_name, '', '', 0::float8 from suppliers where "
                                           "organization_id = $1 order by id";
  static constexpr const char* aliases =
      "select a.supplier_id, a.normalized_name, '', coalesce(d.id, 0) from supplier_aliases a left join "
      "match_decisions d on d.organization_id = a.organization_id and d.kind = 'supplier' and d.normalized = "
      "a.normalized_name where a.organization_id = $1";
  static constexpr const char* open = "select id, source_text, normalized, unit from match_decisions where "
                                      "organization_id = $1 and kind = 'supplier' and state = 'pending'";
  fill(into, database_.query<known_row>(suppliers, organization_.value),
       database_.query<alias_row>(aliases, organization_.value),
       database_.query<question_row>(open, organization_.value));
}

void ingest_store::store_new_items(resolver& from) {
  auto& all = from.entities();
  if (from.stored_entities == all.size())
    return;
  std::vector<std::string> names, normalized, units, codes, categories;
  std::vector<bool> priced;
  std::vector<int> position;
  for (auto i = from.stored_entities; i < all.size(); ++i) {
    names.push_back(all[i].name);
    normalized.push_back(all[i].normalized);
    units.push_back(all[i].unit);
    codes.push_back(all[i].code);
    categories.push_back(all[i].category);
    priced.push_back(all[i].is_priced);
    position.push_back(static_cast<int>(i));
  }
  static constexpr const char* add_categories =
      "insert into categories (organization_id, name) select distinct $1::bigint, c from unnest($2::text[]) c "
      "where c <> '' on conflict do nothing";
  database_.execute(add_categories, organization_.value, categories);
  static constexpr const char* sql =
      "with given as (select * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], "
      "$8::int[]) g(name, normalized, unit, code, category, priced, position)), "
      "added as (insert into items (organization_id, name, normalized_name, unit, code, category_id, is_priced) "
      "select $1::bigint, g.name, g.normalized, g.unit, nullif(g.code, ''), c.id, g.priced from given g left join "
      "categories c on c.organization_id = $1 and c.name = g.category and g.category <> '' order by g.position "
      "on conflict (organization_id, normalized_name, unit) do update set name = items.name "
      "returning id, normalized_name, unit) "
      "select g.position, a.id from added a join given g on g.normalized = a.normalized_name and g.unit = a.unit";
  for (const auto& p :
       database_.query<placed>(sql, organization_.value, names, normalized, units, codes, categories, priced, position))
    all[static_cast<std::size_t>(p.position)].id = p.id;
  from.stored_entities = all.size();
}

void ingest_store::store_new_suppliers(resolver& from) {
  auto& all = from.entities();
  if (from.stored_entities == all.size())
    return;
  std::vector<std::string> names, normalized;
  std::vector<int> position;
  for (auto i = from.stored_entities; i < all.size(); ++i) {
    names.push_back(all[i].name);
    normalized.push_back(all[i].normalized);
    position.push_back(static_cast<int>(i));
  }
  static constexpr const char* sql =
      "with given as (select * from unnest($2::text[], $3::text[], $4::int[]) g(name, normalized, position)), "
      "added as (insert into suppliers (organization_id, name, normalized_name) select $1::bigint, g.name, "
      "g.normalized "
      "from given g order by g.position on conflict (organization_id, normalized_name) do update set name = "
      "suppliers.name "
      "returning id, normalized_name) select g.position, a.id from added a join given g on g.normalized = "
      "a.normalized_name";
  for (const auto& p : database_.query<placed>(sql, organization_.value, names, normalized, position))
    all[static_cast<std::size_t>(p.position)].id = p.id;
  from.stored_entities = all.size();
}

namespace {

std::string candidates_json(const match_question& q, const std::deque<entity>& entities) {
  boost::json::array out;
  for (const auto& option : q.options)
    out.push_back(boost::json::object{{"id", entities[option.entity].id},
                                      {"name", entities[option.entity].name},
                                      {"score", std::round(option.score * 1000) / 1000}});
  return boost::json::serialize(out);
}

} // namespace

void ingest_store::store_new_questions(resolver& from, const char* kind) {
  auto& all = from.questions();
  if (from.stored_questions == all.size())
    return;
  std::vector<std::string> texts, normalized, units, candidates, states;
  std::vector<std::optional<std::int64_t>> chosen;
  std::vector<int> position;
  for (auto i = from.stored_questions; i < all.size(); ++i) {
    texts.push_back(all[i].source_text);
    normalized.push_back(all[i].normalized);
    units.push_back(all[i].normalized_unit);
    candidates.push_back(candidates_json(all[i], from.entities()));
    states.emplace_back(all[i].automatic ? "auto" : "pending");
    chosen.push_back(all[i].automatic ? std::optional(from.entities()[all[i].options[0].entity].id) : std::nullopt);
    position.push_back(static_cast<int>(i));
    if (all[i].automatic)
      add_alias(kind, *chosen.back(), all[i].normalized, all[i].normalized_unit);
  }
  static constexpr const char* sql =
      "with given as (select * from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], "
      "$9::int[]) g(source_text, normalized, unit, candidates, state, chosen_id, position)), "
      "added as (insert into match_decisions (organization_id, kind, source_text, normalized, unit, candidates, state, "
      "chosen_id, rows, decided_at) select $1::bigint, $2::text, g.source_text, g.normalized, g.unit, "
      "g.candidates::jsonb, "
      "g.state, g.chosen_id, 0, case when g.state = 'auto' then now() end from given g order by g.position "
      "on conflict (organization_id, kind, normalized, unit) do update set state = excluded.state, "
      "chosen_id = excluded.chosen_id, candidates = excluded.candidates, decided_at = excluded.decided_at "
      "returning id, normalized, unit) "
      "select g.position, a.id from added a join given g on g.normalized = a.normalized and g.unit = a.unit";
  for (const auto& p : database_.query<placed>(sql, organization_.value, kind, texts, normalized, units, candidates,
                                               states, chosen, position))
    all[static_cast<std::size_t>(p.position)].id = p.id;
  from.stored_questions = all.size();
}

std::vector<std::int64_t> ingest_store::store_events(const std::vector<new_event>& events) {
  std::vector<std::int64_t> out(events.size());
  if (events.empty())
    return out;
  std::vector<std::string> references, kinds, places;
  std::vector<date> days;
  std::vector<int> position;
  for (std::size_t i = 0; i < events.size(); ++i) {
    references.push_back(events[i].reference);
    kinds.push_back(events[i].kind);
    places.push_back(events[i].place);
    days.push_back(events[i].occurred_on);
    position.push_back(static_cast<int>(i));
  }
  static constexpr const char* sql =
      "with given as (select * from unnest($2::text[], $3::date[], $4::text[], $5::text[], $6::int[]) "
      "g(reference, occurred_on, kind, place, position)), "
      "added as (insert into events (organization_id, reference, occurred_on, kind, place) select $1::bigint, "
      "g.reference, "
      "g.occurred_on, g.kind, nullif(g.place, '') from given g order by g.position "
      "on conflict (organization_id, reference, occurred_on) do update set place = coalesce(events.place, "
      "excluded.place) "
      "returning id, reference, occurred_on) "
      "select g.position, a.id from added a join given g on g.reference = a.reference and g.occurred_on = "
      "a.occurred_on";
  for (const auto& p : database_.query<placed>(sql, organization_.value, references, days, kinds, places, position))
    out[static_cast<std::size_t>(p.position)] = p.id;
  return out;
}

namespace {
constexpr const char* insert_rows =
    "insert into price_observations (organization_id, upload_id, item_id, supplier_id, event_id, observed_on, line, "
    "kind, "
    "rank, price, quantity, amount, currency, source_row, row_key) "
    "select $1, $2, u.* from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::date[], $7::int[], $8::smallint[], "
    "$9::smallint[], $10::numeric[], $11::numeric[], $12::numeric[], $13::text[], $14::int[], $15::bigint[]) u";
}

std::int64_t ingest_store::insert_observations(const observation_columns& r, std::int64_t upload_id, bool check) {
  if (r.item.empty())
    return 0;
  static const std::string checked = std::string(insert_rows) + " on conflict do nothing";
  return database_.execute(check ? std::string_view(checked) : insert_rows, organization_.value, upload_id, r.item,
                           r.supplier, r.event, r.observed_on, r.line, r.kind, r.rank, r.price, r.quantity, r.amount,
                           r.currency, r.source_row, r.row_key);
}

std::vector<int> ingest_store::insert_observations_returning_rows(const observation_columns& r,
                                                                  std::int64_t upload_id) {
  if (r.item.empty())
    return {};
  static const std::string sql = std::string(insert_rows) + " on conflict do nothing returning source_row";
  return database_.query<int>(sql, organization_.value, upload_id, r.item, r.supplier, r.event, r.observed_on, r.line,
                              r.kind, r.rank, r.price, r.quantity, r.amount, r.currency, r.source_row, r.row_key);
}

bool ingest_store::has_room_for(const std::vector<date>& days) {
  static constexpr const char* partitioned =
      "select relkind = 'p' from pg_class where oid = 'price_observations'::regclass";
  static constexpr const char* covered =
      "select not exists (select from (select distinct unnest($1::date[]) as day) d where not exists (select from "
      "timescaledb_information.chunks where hypertable_name = 'price_observations' and day >= range_start::date and "
      "day < range_end::date))";
  return database_.query<bool>(partitioned).at(0) || database_.query<bool>(covered, days).at(0);
}

bool ingest_store::has_observations_in_year(int year) {
  static constexpr const char* sql = "select exists (select 1 from price_observations where organization_id = $1 and "
                                     "observed_on >= make_date($2, 1, 1) and observed_on < make_date($2 + 1, 1, 1))";
  return database_.query<bool>(sql, organization_.value, year).at(0);
}

void ingest_store::commit_without_waiting() {
  database_.query<std::string>("select set_config('synchronous_commit', 'off', true)");
}

void ingest_store::insert_quarantined(const quarantine_columns& r, std::int64_t upload_id) {
  if (r.row_number.empty())
    return;
  static constexpr const char* sql =
      "insert into quarantined_rows (organization_id, upload_id, row_number, column_name, reason, raw, state) "
      "select $1, $2, u.row_number, u.column_name, u.reason, u.raw::jsonb, 'open' from unnest($3::int[], $4::text[], "
      "$5::text[], $6::text[]) u(row_number, column_name, reason, raw)";
  database_.execute(sql, organization_.value, upload_id, r.row_number, r.column_name, r.reason, r.raw);
}

void ingest_store::insert_held(const held_columns& r, std::int64_t upload_id) {
  if (r.row_number.empty())
    return;
  static constexpr const char* sql =
      "insert into held_rows (organization_id, upload_id, row_number, item_match_id, supplier_match_id, row) "
      "select $1, $2, v.row_number, v.item_match, v.supplier_match, v.row::jsonb from unnest($3::int[], $4::bigint[], "
      "$5::bigint[], $6::text[]) v(row_number, item_match, supplier_match, row)";
  database_.execute(sql, organization_.value, upload_id, r.row_number, r.item_match, r.supplier_match, r.row);
}

void ingest_store::count_match_rows(std::int64_t upload_id, std::int64_t row_number) {
  static constexpr const char* sql = "update match_decisions d set rows = d.rows + c.rows from (select m.id, count(*) "
                                     "as rows from held_rows h cross join "
                                     "lateral (values (h.item_match_id), (h.supplier_match_id)) m(id) where "
                                     "h.organization_id = $1 and h.upload_id = $2 and "
                                     "($3 = 0 or h.row_number = $3) and m.id is not null group by m.id) c where "
                                     "d.organization_id = $1 and d.id = c.id";
  database_.execute(sql, organization_.value, upload_id, row_number);
}

void ingest_store::notify_prices() {
  database_.query<std::string>("select pg_notify('prices', $1::text)::text", std::to_string(organization_.value));
}

std::vector<quarantined_row> ingest_store::list_quarantined(std::int64_t upload_id, std::int64_t after_row, int limit) {
  static constexpr const char* sql =
      "select row_number::bigint, coalesce(column_name, ''), reason, raw::text, state from quarantined_rows where "
      "organization_id = $1 and upload_id = $2 and row_number > $3 order by row_number limit $4";
  return database_.query<quarantined_row>(sql, organization_.value, upload_id, after_row, limit);
}

std::optional<quarantined_row> ingest_store::lock_quarantined(std::int64_t upload_id, std::int64_t row_number) {
  static constexpr const char* sql =
      "select row_number::bigint, coalesce(column_name, ''), reason, raw::text, state from quarantined_rows where "
      "organization_id = $1 and upload_id = $2 and row_number = $3 for update";
  return first(database_.query<quarantined_row>(sql, organization_.value, upload_id, row_number));
}

void ingest_store::set_quarantine_state(std::int64_t upload_id, std::int64_t row_number, const char* state) {
  static constexpr const char* sql =
      "update quarantined_rows set state = $4 where organization_id = $1 and upload_id = $2 "
      "and row_number = $3";
  database_.execute(sql, organization_.value, upload_id, row_number, state);
}

namespace {
constexpr const char* match_columns =
    "select id, kind, source_text, normalized, unit, rows::bigint, candidates::text, state, "
    "chosen_id, decided_at from match_decisions where organization_id = $1 ";
}

std::vector<match_row> ingest_store::list_matches(const std::string& state, const std::string& kind,
                                                  std::int64_t after_id, int limit) {
  static const std::string sql = std::string(match_columns) +
                                 "and ($2 = '' or state = $2) and ($3 = '' or kind = $3) and "
                                 "id > $4 order by id limit $5";
  return database_.query<match_row>(sql, organization_.value, state, kind, after_id, limit);
}

std::optional<match_row> ingest_store::lock_match(std::int64_t id) {
  static const std::string sql = std::string(match_columns) + "and id = $2 for update";
  return first(database_.query<match_row>(sql, organization_.value, id));
}

void ingest_store::decide_match(std::int64_t id, const char* state, std::optional<std::int64_t> chosen_id,
                                std::optional<std::int64_t> user) {
  static constexpr const char* sql = "update match_decisions set state = $3, chosen_id = $4, decided_by = $5, "
                                     "decided_at = case when $3 = 'pending' then "
                                     "null else now() end where organization_id = $1 and id = $2";
  database_.execute(sql, organization_.value, id, state, chosen_id, user);
}

std::int64_t ingest_store::create_item(const std::string& name, const std::string& normalized, const std::string& unit,
                                       std::int64_t like) {
  static constexpr const char* sql =
      "insert into items (organization_id, name, normalized_name, unit, is_priced) select $1::bigint, $2::text, "
      "$3::text, "
      "coalesce(i.unit, $4::text), coalesce(i.is_priced, true) from (select 1) one left join items i on "
      "i.organization_id = "
      "$1 and i.id = $5::bigint on conflict (organization_id, normalized_name, unit) do update set name = items.name "
      "returning id";
  return database_.query<std::int64_t>(sql, organization_.value, name, normalized, unit, like).at(0);
}

std::int64_t ingest_store::create_supplier(const std::string& name, const std::string& normalized) {
  static constexpr const char* sql =
      "insert into suppliers (organization_id, name, normalized_name) values ($1, $2, $3) "
      "on conflict (organization_id, normalized_name) do update set name = suppliers.name "
      "returning id";
  return database_.query<std::int64_t>(sql, organization_.value, name, normalized).at(0);
}

bool ingest_store::entity_exists(const std::string& kind, std::int64_t id) {
  const std::string sql = std::string("select true from ") + (kind == "item" ? "items" : "suppliers") +
                          " where organization_id = $1 and id = $2";
  return !database_.query<bool>(sql, organization_.value, id).empty();
}

void ingest_store::add_alias(const std::string& kind, std::int64_t entity_id, const std::string& normalized,
                             const std::string& unit) {
  static constexpr const char* item =
      "insert into item_aliases (organization_id, item_id, normalized_name, unit, source) values ($1, $2, $3, $4, "
      "'match') "
      "on conflict (organization_id, normalized_name, unit) do update set item_id = excluded.item_id";
  static constexpr const char* supplier =
      "insert into supplier_aliases (organization_id, supplier_id, normalized_name, source) values ($1, $2, $3, "
      "'match') "
      "on conflict (organization_id, normalized_name) do update set supplier_id = excluded.supplier_id";
  if (kind == "item")
    database_.execute(item, organization_.value, entity_id, normalized, unit);
  else
    database_.execute(supplier, organization_.value, entity_id, normalized);
}

void ingest_store::remove_alias(const std::string& kind, const std::string& normalized, const std::string& unit) {
  static constexpr const char* item =
      "delete from item_aliases where organization_id = $1 and normalized_name = $2 and unit = $3 and source = 'match'";
  static constexpr const char* supplier =
      "delete from supplier_aliases where organization_id = $1 and normalized_name = $2 and source = 'match'";
  if (kind == "item")
    database_.execute(item, organization_.value, normalized, unit);
  else
    database_.execute(supplier, organization_.value, normalized);
}

bool ingest_store::remove_unused_entity(const std::string& kind, std::int64_t id) {
  static constexpr const char* item = "delete from items i where i.organization_id = $1 and i.id = $2 and not exists "
                                      "(select 1 from price_observations p "
                                      "where p.organization_id = $1 and p.item_id = $2)";
  static constexpr const char* supplier = "delete from suppliers s where s.organization_id = $1 and s.id = $2 and not "
                                          "exists (select 1 from price_observations p "
                                          "where p.organization_id = $1 and p.supplier_id = $2)";
  if (kind == "item") {
    static constexpr const char* statistics =
        "delete from item_statistics s where s.organization_id = $1 and s.item_id = $2 "
        "and not exists (select 1 from price_observations p where p.organization_id = "
        "$1 and p.item_id = $2)";
    database_.execute(statistics, organization_.value, id);
  }
  return database_.execute(kind == "item" ? item : supplier, organization_.value, id) > 0;
}

// held_rows.row: {"state": "waiting" | "loaded" | "duplicate", "item_open": bool, "supplier_open": bool, "item_id",
// "supplier_id", "event_id", "observed_on", "line", "kind", "rank", "price", "quantity", "amount", "currency",
// "row_key"}.
std::vector<moved_rows> ingest_store::load_answered(std::int64_t match_id, const std::string& kind,
                                                    std::int64_t entity_id) {
  const std::string match_column = kind + "_match_id";
  const std::string answer = "update held_rows set row = row || jsonb_build_object('" + kind + "_open', false, '" +
                             kind + "_id', $3::bigint) where organization_id = $1 and " + match_column +
                             " = $2 and row->>'state' = 'waiting'";
  database_.execute(answer, organization_.value, match_id, entity_id);
  const std::string load =
      "with ready as (select * from held_rows where organization_id = $1 and " + match_column +
      " = $2 and row->>'state' = 'waiting' and not (row->>'item_open')::boolean and not "
      "(row->>'supplier_open')::boolean), "
      "added as (insert into price_observations (organization_id, upload_id, item_id, supplier_id, event_id, "
      "observed_on, "
      "line, kind, rank, price, quantity, amount, currency, source_row, row_key) select organization_id, upload_id, "
      "(row->>'item_id')::bigint, (row->>'supplier_id')::bigint, (row->>'event_id')::bigint, "
      "(row->>'observed_on')::date, "
      "(row->>'line')::int, (row->>'kind')::smallint, (row->>'rank')::smallint, (row->>'price')::numeric, "
      "(row->>'quantity')::numeric, (row->>'amount')::numeric, row->>'currency', row_number, (row->>'row_key')::bigint "
      "from ready on conflict do nothing returning upload_id, source_row), "
      "outcome as (select r.upload_id, r.row_number, a.upload_id is not null as is_new from ready r left join added a "
      "on "
      "a.upload_id = r.upload_id and a.source_row = r.row_number), "
      "marked as (update held_rows h set row = h.row || jsonb_build_object('state', case when o.is_new then 'loaded' "
      "else "
      "'duplicate' end) from outcome o where h.organization_id = $1 and h.upload_id = o.upload_id and h.row_number = "
      "o.row_number) "
      "select upload_id, count(*) filter (where is_new), count(*) filter (where not is_new), 0::bigint from outcome "
      "group by upload_id";
  return database_.query<moved_rows>(load, organization_.value, match_id);
}

std::vector<moved_rows> ingest_store::unload_answered(std::int64_t match_id, const std::string& kind) {
  const std::string match_column = kind + "_match_id";
  const std::string remove =
      "delete from price_observations p using held_rows h where h.organization_id = $1 and h." + match_column +
      " = $2 and h.row->>'state' = 'loaded' and p.organization_id = $1 and p.row_key = (h.row->>'row_key')::bigint and "
      "p.observed_on = (h.row->>'observed_on')::date and p.upload_id = h.upload_id and p.source_row = h.row_number";
  database_.execute(remove, organization_.value, match_id);
  const std::string hold =
      "with before as (select upload_id, row_number, row->>'state' as state from held_rows where organization_id = $1 "
      "and " +
      match_column + " = $2), held as (update held_rows set row = row || jsonb_build_object('state', 'waiting', '" +
      kind + "_open', true, '" + kind + "_id', null) where organization_id = $1 and " + match_column +
      " = $2) select upload_id, count(*) filter (where state = 'loaded'), count(*) filter (where state = 'duplicate'), "
      "count(*) from before group by upload_id";
  return database_.query<moved_rows>(hold, organization_.value, match_id);
}

std::vector<match_row> ingest_store::list_unapplied_answers(std::int64_t upload_id) {
  static const std::string sql =
      std::string(match_columns) +
      "and state <> 'pending' and id in (select item_match_id from held_rows where organization_id = $1 and upload_id "
      "= $2 "
      "and row->>'state' = 'waiting' and (row->>'item_open')::boolean union select supplier_match_id from held_rows "
      "where "
      "organization_id = $1 and upload_id = $2 and row->>'state' = 'waiting' and (row->>'supplier_open')::boolean)";
  return database_.query<match_row>(sql, organization_.value, upload_id);
}

namespace {

// Spend counts what was or would have been bought: orders and invoices, and the lowest bid.
// The last price is the lowest of the last day: the largest pair of day and negated price needs no sort.
std::string statistics_sql(const std::string& which) {
  return "insert into item_statistics (organization_id, item_id, observations, bids, suppliers, first_on, last_on, "
         "median_price, last_price, spend) "
         "select organization_id, item_id, count(*), count(*) filter (where kind = 1), count(distinct supplier_id), "
         "min(observed_on), max(observed_on), "
         "(percentile_cont(0.5) within group (order by price) filter (where kind <> 2 and price > 0))::numeric(18,4), "
         "-(max(array[(observed_on - date '1900-01-01')::numeric, -price]) filter (where kind <> 2))[2], "
         "coalesce(sum(coalesce(amount, price * quantity)) filter (where kind in (4, 5) or (kind = 1 and rank = 1)), "
         "0) "
         "from price_observations where organization_id = $1 " +
         which +
         " group by organization_id, item_id "
         "on conflict (organization_id, item_id) do update set observations = excluded.observations, bids = "
         "excluded.bids, "
         "suppliers = excluded.suppliers, first_on = excluded.first_on, last_on = excluded.last_on, "
         "median_price = excluded.median_price, last_price = excluded.last_price, spend = excluded.spend";
}

} // namespace

void ingest_store::refresh_statistics() {
  static const std::string sql = statistics_sql("");
  database_.query<std::string>("select set_config('work_mem', '64MB', true)"); // one sort by item, in memory
  database_.execute(sql, organization_.value);
}

void ingest_store::refresh_statistics_of_upload(std::int64_t upload_id) {
  static const std::string sql = statistics_sql(
      "and item_id in (select item_id from price_observations where organization_id = $1 and upload_id = $2)");
  database_.execute(sql, organization_.value, upload_id);
}

void ingest_store::refresh_statistics_of_item(std::int64_t item_id) {
  static constexpr const char* forget = "delete from item_statistics where organization_id = $1 and item_id = $2";
  static const std::string sql = statistics_sql("and item_id = $2");
  database_.execute(forget, organization_.value, item_id);
  database_.execute(sql, organization_.value, item_id);
}

void ingest_store::refresh_statistics_of_row(std::int64_t upload_id, std::int64_t row_number) {
  static constexpr const char* sql =
      "select distinct item_id from price_observations where organization_id = $1 and row_key "
      "in (select row_key from price_observations where organization_id = $1 and upload_id = $2 "
      "and source_row = $3)";
  for (const auto item : database_.query<std::int64_t>(sql, organization_.value, upload_id, row_number))
    refresh_statistics_of_item(item);
}

std::vector<std::int64_t> ingest_store::items_of_match(std::int64_t match_id) {
  static constexpr const char* sql =
      "select distinct (row->>'item_id')::bigint from held_rows where organization_id = $1 and (item_match_id = $2 or "
      "supplier_match_id = $2) and row->>'item_id' is not null and row->>'state' = 'loaded'";
  return database_.query<std::int64_t>(sql, organization_.value, match_id);
}

void ingest_store::refresh_statistics_of_match(std::int64_t match_id) {
  for (const auto item : items_of_match(match_id))
    refresh_statistics_of_item(item);
}

void ingest_store::enqueue(const char* job_kind, const std::string& payload_json) {
  static constexpr const char* sql =
      "insert into jobs (organization_id, kind, payload, state) values ($1, $2, $3::text::jsonb, "
      "'queued')";
  database_.execute(sql, organization_.value, job_kind, payload_json);
  database_.query<std::string>("select pg_notify('jobs', $1::text)::text", job_kind);
}

} // namespace pricing::ingest
