#include "ingest/ingest_service.hpp"

#include "storage/sha256.hpp"
#include "wire/json.hpp"

#include <thread>

namespace pricing::ingest {

struct ingest_service::work {
  postgres::session_pool& sessions;
  std::unique_ptr<postgres::session> session;
  ingest_store store;
  organization_id organization;
  bool is_kept = true; // afterwards, for the next

  work(postgres::session_pool& pool, organization_id o)
      : sessions(pool), session(pool.begin(o)), store(*session, o), organization(o) {}
  ~work() {
    if (is_kept)
      sessions.give_back(std::move(session));
  }
  work(const work&) = delete;
  void begin() { session->begin(organization); }
  void commit() { session->commit(); }
};

namespace {

constexpr std::int64_t profiled_rows_max = 50'000;
constexpr std::size_t preview_rows = 5;

// uploads.detected
struct detected_format {
  std::string format;
  bool gzip = false;
  std::string delimiter;
  std::string encoding;
  std::int64_t header_row = 0;
  std::int64_t unpacked_bytes = 0;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> sample;
  mapping suggestion;
  std::vector<std::string> questions;
  std::optional<mapping> used; // the confirmed mapping, as it was then
};
BOOST_DESCRIBE_STRUCT(detected_format, (),
                      (format, gzip, delimiter, encoding, header_row, unpacked_bytes, columns, sample, suggestion,
                       questions, used))

detected_format read_detected(const upload_row& row) {
  if (!row.detected)
    return {};
  return wire::decode_json<detected_format>(*row.detected).value();
}

wire::table_info info_of(const detected_format& d, const upload_row& row) {
  wire::table_info info;
  info.format = d.format == "xlsx" ? wire::table_format::xlsx : wire::table_format::csv;
  info.gzip = d.gzip;
  info.delimiter = d.delimiter.empty() ? ',' : d.delimiter[0];
  info.encoding = wire::parse_encoding(d.encoding).value();
  info.header_row = d.header_row;
  info.columns = d.columns;
  info.file_bytes = static_cast<std::uint64_t>(row.bytes);
  info.unpacked_bytes = static_cast<std::uint64_t>(d.unpacked_bytes);
  return info;
}

result<suggestion> profile(const wire::file_bytes& file, const wire::table_info& info, const std::string& file_name,
                           const std::string& currency) {
  column_profiler profiler(info.columns.size());
  auto reader = wire::open_table(file, info);
  if (!reader)
    return reader.error();
  wire::row_view row;
  while (profiler.rows() < profiled_rows_max) {
    const auto more = (*reader)->next(row);
    if (!more || !*more)
      break; // what is wrong further on is for the import to report
    if (row.number > info.header_row && row.problem == nullptr)
      profiler.feed(row.cells);
  }
  return suggest_mapping(info.columns, profiler, file_name, currency);
}

error no_upload(std::int64_t id) {
  return not_found("there is no upload " + std::to_string(id));
}

match_view view_of(const match_row& row) {
  match_view out{row.id, row.kind, row.source_text, row.unit, row.rows, {}, row.state, row.chosen_id, row.decided_at};
  if (auto candidates = wire::decode_json<std::vector<match_option>>(row.candidates))
    out.candidates = std::move(*candidates);
  return out;
}

} // namespace

upload_view ingest_service::view_of(work&, const upload_row& row) {
  upload_view out;
  out.id = row.id;
  out.file_name = row.file_name;
  out.bytes = row.bytes;
  out.state = row.state;
  out.kind = row.kind;
  out.rows_in = row.rows_in;
  out.loaded = row.loaded;
  out.quarantined = row.quarantined;
  out.duplicates = row.duplicates;
  out.awaiting = row.awaiting;
  out.error = row.error;
  out.mapping_id = row.mapping_id;
  out.created_at = row.created_at;
  out.started_at = row.started_at;
  out.finished_at = row.finished_at;
  out.allowed_moves = allowed_moves(parse_upload_state(row.state));
  const bool ended = row.state == "completed" || row.state == "partial";
  out.progress = ended            ? 1
                 : row.bytes == 0 ? 0
                                  : std::min(1.0, static_cast<double>(row.bytes_read) / static_cast<double>(row.bytes));
  if (row.quality)
    if (auto quality = wire::decode_json<quality_report>(*row.quality))
      out.quality = std::move(*quality);
  if (row.detected) {
    const auto d = read_detected(row);
    out.detected = detected_view{d.format + (d.gzip ? ".gz" : ""), d.delimiter, d.encoding, d.header_row};
    out.mapping = d.used ? d.used : std::optional(d.suggestion);
  }
  return out;
}

result<upload_view> ingest_service::receive(organization_id organization, std::optional<std::int64_t> user,
                                            const std::string& file_name, const std::filesystem::path& file) {
  const auto hash = storage::sha256_of_file(file);
  if (!hash)
    return hash.error();
  work w(sessions_, organization);
  const auto same = w.store.find_upload_by_hash(*hash);
  if (same && same->state != "pending" && same->state != "validating")
    return view_of(w, *same);
  const auto key = files_.keep(file, storage::hex(*hash));
  if (!key)
    return key.error();
  const auto stored = files_.open(*key);
  if (!stored)
    return stored.error();
  const auto name = std::string(cut_utf8(std::string_view(file_name).substr(file_name.rfind('/') + 1), 200));
  // One that was left while it was inspected is inspected again.
  const auto id = same ? same->id
                       : w.store.create_upload({name.empty() ? "upload" : name, *hash,
                                                static_cast<std::int64_t>(stored->size()), *key, user});
  w.store.set_state(id, upload_state::validating, std::nullopt);
  w.commit();
  w.begin();
  if (auto inspected = inspect(w, id, name, *stored); !inspected) {
    w.store.set_state(id, upload_state::failed, inspected.error().message);
    const auto row = w.store.find_upload(id);
    w.commit();
    if (inspected.error().code == errc::unsupported_media || inspected.error().code == errc::too_large)
      return inspected.error();
    return view_of(w, *row);
  }
  const auto row = w.store.find_upload(id);
  w.commit();
  return view_of(w, *row);
}

result<void> ingest_service::inspect(work& w, std::int64_t id, const std::string& file_name,
                                     const wire::file_bytes& file) {
  auto info = wire::inspect_table(file);
  if (!info)
    return info.error();
  detected_format d{info->format == wire::table_format::xlsx ? "xlsx" : "csv",
                    info->gzip,
                    info->format == wire::table_format::xlsx ? "" : std::string(1, info->delimiter),
                    wire::to_string(info->encoding),
                    info->header_row,
                    static_cast<std::int64_t>(info->unpacked_bytes),
                    info->columns,
                    {},
                    {},
                    {},
                    {}};
  for (std::size_t i = 0; i < std::min(preview_rows, info->sample.size()); ++i) {
    d.sample.push_back(info->sample[i]);
    for (auto& cell : d.sample.back())
      cell = std::string(cut_utf8(std::string(cell.c_str()), 500));
  }
  auto state = upload_state::mapping;
  std::optional<std::int64_t> mapping_id;
  if (const auto known = w.store.find_mapping_by_fingerprint(header_fingerprint(info->columns))) {
    auto kept = wire::decode_json<mapping>(known->mapping).value();
    if (bind_mapping(kept, info->columns, file_name)) {
      d.suggestion = kept;
      d.used = std::move(kept);
      mapping_id = known->id;
      state = upload_state::ready;
    }
  }
  if (state == upload_state::mapping) {
    auto proposed = profile(file, *info, file_name, w.store.currency());
    if (!proposed)
      return proposed.error();
    d.suggestion = std::move(proposed->proposed);
    d.questions = std::move(proposed->questions);
  }
  w.store.set_detected(id, wire::encode(d), 0);
  if (mapping_id)
    w.store.set_mapping(id, mapping_id, d.used->kind);
  w.store.set_state(id, upload_state::mapping, std::nullopt);
  if (state == upload_state::ready)
    w.store.set_state(id, upload_state::ready, std::nullopt);
  return {};
}

result<upload_view> ingest_service::upload(organization_id organization, std::int64_t id) {
  work w(sessions_, organization);
  const auto row = w.store.find_upload(id);
  if (!row)
    return no_upload(id);
  return view_of(w, *row);
}

result<std::vector<upload_view>> ingest_service::uploads(organization_id organization, std::int64_t before_id,
                                                         int limit) {
  work w(sessions_, organization);
  std::vector<upload_view> out;
  for (const auto& row : w.store.list_uploads(before_id, limit))
    out.push_back(view_of(w, row));
  return out;
}

result<preview_view> ingest_service::preview(organization_id organization, std::int64_t id) {
  work w(sessions_, organization);
  const auto row = w.store.find_upload(id);
  if (!row)
    return no_upload(id);
  if (!row->detected)
    return conflict("the upload is " + row->state + " and has no preview");
  auto d = read_detected(*row);
  return preview_view{std::move(d.columns),
                      std::move(d.sample),
                      d.used ? std::move(*d.used) : std::move(d.suggestion),
                      std::move(d.questions),
                      {fields().begin(), fields().end()}};
}

result<upload_view> ingest_service::set_mapping(organization_id organization, std::int64_t id, const mapping& m) {
  work w(sessions_, organization);
  auto row = w.store.lock_upload(id);
  if (!row)
    return no_upload(id);
  if (auto allowed = check_move(parse_upload_state(row->state), upload_state::ready); !allowed)
    return allowed.error();
  auto d = read_detected(*row);
  if (auto bound = bind_mapping(m, d.columns, row->file_name); !bound)
    return bound.error();
  const auto name = m.name && !m.name->empty() ? *m.name : row->file_name;
  const auto mapping_id = w.store.save_mapping(name, header_fingerprint(d.columns), wire::encode(m));
  d.used = m;
  w.store.set_detected(id, wire::encode(d), 0);
  w.store.set_mapping(id, mapping_id, m.kind);
  w.store.set_state(id, upload_state::ready, std::nullopt);
  row = w.store.find_upload(id);
  w.commit();
  return view_of(w, *row);
}

result<upload_view> ingest_service::start(organization_id organization, std::int64_t id, bool enqueue) {
  work w(sessions_, organization);
  auto row = w.store.lock_upload(id);
  if (!row)
    return no_upload(id);
  const auto state = parse_upload_state(row->state);
  if (auto allowed = check_move(state, upload_state::processing); !allowed)
    return allowed.error();
  w.store.set_state(id, upload_state::processing, std::nullopt);
  if (enqueue)
    w.store.enqueue("import", "{\"upload_id\":" + std::to_string(id) + "}");
  row = w.store.find_upload(id);
  w.commit();
  return view_of(w, *row);
}

result<import_job> ingest_service::job_of(work& w, const upload_row& row) {
  const auto d = read_detected(row);
  if (!d.used)
    return conflict("the upload has no confirmed mapping yet");
  auto bound = bind_mapping(*d.used, d.columns, row.file_name);
  if (!bound)
    return bound.error();
  auto file = files_.open(row.object_key);
  if (!file)
    return file.error();
  return import_job{w.organization,     row.id,         std::move(*file), info_of(d, row), std::move(*bound),
                    row.checkpoint_row, row.duplicates, clock_.today()};
}

result<upload_view> ingest_service::process(organization_id organization, std::int64_t id,
                                            const progress_callback& progress, bool refresh_statistics) {
  work w(sessions_, organization);
  w.is_kept = false; // the lock ends with it
  bool locked = w.store.try_lock_imports();
  for (int waited = 0; !locked && waited < options_.lock_wait_s; ++waited) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    locked = w.store.try_lock_imports();
  }
  if (!locked)
    return conflict("another import of this organization is running; try again when it has ended");
  auto row = w.store.find_upload(id);
  if (!row)
    return no_upload(id);
  if (row->state != "processing")
    return conflict("the upload is " + row->state + ", not processing");
  auto job = job_of(w, *row);
  w.commit(); // the lock is the session's and stays
  if (!job)
    return job.error();
  const auto outcome = run_import(*job, connect_, options_, progress);
  w.begin();
  row = w.store.lock_upload(id);
  auto state = row->quarantined > 0 || row->awaiting > 0 ? upload_state::partial : upload_state::completed;
  std::optional<std::string> problem;
  if (!outcome) {
    state = upload_state::failed;
    problem = outcome.error().message;
    if (row->loaded > 0)
      *problem +=
          " (" + std::to_string(row->loaded) + " rows before it are loaded; a corrected file will not load them twice)";
  } else {
    w.store.set_quality(id, wire::encode(outcome->quality));
  }
  w.store.count_match_rows(id);
  w.store.set_state(id, state, problem);
  apply_answers(w, id);
  if (refresh_statistics)
    w.store.refresh_statistics_of_upload(id);
  w.store.notify_prices();
  row = w.store.find_upload(id);
  w.commit();
  return view_of(w, *row);
}

// Questions that were answered while the import ran.
void ingest_service::apply_answers(work& w, std::int64_t upload_id) {
  for (const auto& m : w.store.list_unapplied_answers(upload_id))
    if (m.chosen_id)
      for (const auto& moved : w.store.load_answered(m.id, m.kind, *m.chosen_id))
        w.store.move_counts(moved.upload_id,
                            {0, moved.loaded, 0, moved.duplicates, -(moved.loaded + moved.duplicates)});
}

void ingest_service::refresh_statistics(organization_id organization) {
  work w(sessions_, organization);
  w.store.refresh_statistics();
  w.store.notify_prices();
  w.commit();
}

result<std::vector<quarantine_view>> ingest_service::quarantine(organization_id organization, std::int64_t id,
                                                                std::int64_t after_row, int limit) {
  work w(sessions_, organization);
  if (!w.store.find_upload(id))
    return no_upload(id);
  std::vector<quarantine_view> out;
  for (const auto& row : w.store.list_quarantined(id, after_row, limit))
    out.push_back({row.row_number, row.column, row.reason, wire::decode_json<std::vector<std::string>>(row.raw).value(),
                   row.state});
  return out;
}

namespace {
result<void> check_open(const std::optional<quarantined_row>& row, std::int64_t number) {
  if (!row)
    return not_found("row " + std::to_string(number) + " is not in quarantine");
  if (row->state != "open")
    return conflict("row " + std::to_string(number) + " is " + row->state + " already");
  return {};
}
} // namespace

result<upload_view> ingest_service::fix(organization_id organization, std::int64_t id, std::int64_t row_number,
                                        const std::vector<std::string>& cells) {
  work w(sessions_, organization);
  auto row = w.store.find_upload(id);
  if (!row)
    return no_upload(id);
  if (auto open = check_open(w.store.lock_quarantined(id, row_number), row_number); !open)
    return open.error();
  auto job = job_of(w, *row);
  w.commit();
  if (!job)
    return job.error();
  job->checkpoint_row = 0; // this row lies before it
  const std::vector<std::string_view> views(cells.begin(), cells.end());
  std::optional<error> lost;
  const auto counts =
      import_row(*job, connect_, {row_number, views, nullptr}, [&](ingest_store& store, const batch_counts& c) {
        if (auto open = check_open(store.lock_quarantined(id, row_number), row_number); !open)
          throw std::runtime_error(open.error().message); // fixed by another person a moment ago: nothing is committed
        store.set_quarantine_state(id, row_number, "fixed");
        store.move_counts(id, {0, c.loaded, -1, c.duplicates, c.awaiting});
        store.count_match_rows(id);
        store.notify_prices();
      });
  if (!counts)
    return counts.error();
  w.begin();
  w.store.refresh_statistics_of_row(id, row_number);
  row = w.store.find_upload(id);
  w.commit();
  return view_of(w, *row);
}

result<upload_view> ingest_service::dismiss(organization_id organization, std::int64_t id, std::int64_t row_number) {
  work w(sessions_, organization);
  if (!w.store.find_upload(id))
    return no_upload(id);
  if (auto open = check_open(w.store.lock_quarantined(id, row_number), row_number); !open)
    return open.error();
  w.store.set_quarantine_state(id, row_number, "dismissed");
  w.store.move_counts(id, {});
  const auto row = w.store.find_upload(id);
  w.commit();
  return view_of(w, *row);
}

result<std::vector<match_view>> ingest_service::matches(organization_id organization, const std::string& state,
                                                        const std::string& kind, std::int64_t after_id, int limit) {
  work w(sessions_, organization);
  std::vector<match_view> out;
  for (const auto& row : w.store.list_matches(state, kind, after_id, limit))
    out.push_back(ingest::view_of(row));
  return out;
}

result<match_view> ingest_service::decide(organization_id organization, std::optional<std::int64_t> user,
                                          std::int64_t match_id, std::optional<std::int64_t> chosen_id) {
  work w(sessions_, organization);
  auto row = w.store.lock_match(match_id);
  if (!row)
    return not_found("there is no match " + std::to_string(match_id));
  if (row->state != "pending")
    return conflict("the match is " + row->state + " already; undo it first");
  const bool is_new = !chosen_id;
  if (chosen_id && !w.store.entity_exists(row->kind, *chosen_id))
    return invalid_input("there is no " + row->kind + " " + std::to_string(*chosen_id),
                         {{"chosen_id", "does not exist"}});
  if (is_new && row->kind == "item") {
    const auto candidates = ingest::view_of(*row).candidates;
    chosen_id =
        w.store.create_item(row->source_text, row->normalized, row->unit, candidates.empty() ? 0 : candidates[0].id);
  } else if (is_new) {
    chosen_id = w.store.create_supplier(row->source_text, row->normalized);
  } else {
    w.store.add_alias(row->kind, *chosen_id, row->normalized, row->unit);
  }
  w.store.decide_match(match_id, is_new ? "new" : "matched", chosen_id, user);
  for (const auto& moved : w.store.load_answered(match_id, row->kind, *chosen_id))
    w.store.move_counts(moved.upload_id, {0, moved.loaded, 0, moved.duplicates, -(moved.loaded + moved.duplicates)});
  w.store.refresh_statistics_of_match(match_id);
  w.store.notify_prices();
  row = w.store.lock_match(match_id);
  w.commit();
  return ingest::view_of(*row);
}

result<match_view> ingest_service::undo(organization_id organization, std::int64_t match_id) {
  work w(sessions_, organization);
  auto row = w.store.lock_match(match_id);
  if (!row)
    return not_found("there is no match " + std::to_string(match_id));
  if (row->state == "pending")
    return conflict("the match is still pending; there is nothing to undo");
  const auto touched = w.store.items_of_match(match_id);
  for (const auto& moved : w.store.unload_answered(match_id, row->kind))
    w.store.move_counts(moved.upload_id, {0, -moved.loaded, 0, -moved.duplicates, moved.loaded + moved.duplicates});
  w.store.remove_alias(row->kind, row->normalized, row->unit);
  w.store.decide_match(match_id, "pending", std::nullopt, std::nullopt);
  for (const auto item : touched)
    w.store.refresh_statistics_of_item(item);
  if (row->state == "new" && row->chosen_id)
    w.store.remove_unused_entity(row->kind, *row->chosen_id);
  w.store.notify_prices();
  row = w.store.lock_match(match_id);
  w.commit();
  return ingest::view_of(*row);
}

result<std::vector<mapping_view>> ingest_service::mappings(organization_id organization) {
  work w(sessions_, organization);
  std::vector<mapping_view> out;
  for (const auto& row : w.store.list_mappings())
    out.push_back({row.id, row.name, wire::decode_json<mapping>(row.mapping).value(), row.created_at});
  return out;
}

result<mapping> ingest_service::named_mapping(organization_id organization, const std::string& name) {
  work w(sessions_, organization);
  const auto row = w.store.find_mapping_by_name(name);
  if (!row)
    return not_found("there is no mapping '" + name + "'");
  return wire::decode_json<mapping>(row->mapping);
}

} // namespace pricing::ingest
