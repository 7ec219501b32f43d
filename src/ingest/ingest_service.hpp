#pragma once
// The use cases of ingestion: receive a file, propose and confirm its mapping, import it, fix what was quarantined,
// answer what was asked. Blocking (it hashes, parses and waits for the database): the routes call it on the CPU pool,
// the worker and pricing-ctl directly. Thread-safe; calls share a few kept sessions, an import opens its own from
// `connect`.
#include "ingest/import_run.hpp"
#include "ingest/suggest.hpp"
#include "ingest/upload.hpp"
#include "postgres/session_pool.hpp"

#include <filesystem>
#include <functional>

namespace pricing::ingest {

// Where files live: the object store, seen from here.
struct upload_files {
  // Takes a copy of (or the place of) a local file; returns its key. Content-addressed: the same bytes, the same key.
  std::function<result<std::string>(const std::filesystem::path& file, const std::string& sha256_hex)> keep;
  std::function<result<wire::file_bytes>(const std::string& key)> open;
};

struct detected_view {
  std::string format;
  std::string delimiter;
  std::string encoding;
  std::int64_t header_row = 0;
};
BOOST_DESCRIBE_STRUCT(detected_view, (), (format, delimiter, encoding, header_row))

struct upload_view {
  std::int64_t id = 0;
  std::string file_name;
  std::int64_t bytes = 0;
  std::string state;
  std::optional<std::string> kind;
  std::int64_t rows_in = 0, loaded = 0, quarantined = 0, duplicates = 0, awaiting = 0;
  double progress = 0;
  std::optional<std::string> error;
  std::optional<quality_report> quality;
  std::optional<detected_view> detected;
  std::optional<std::int64_t> mapping_id;
  std::optional<ingest::mapping> mapping;
  timestamp created_at{};
  std::optional<timestamp> started_at, finished_at;
  std::vector<std::string> allowed_moves;
};
BOOST_DESCRIBE_STRUCT(upload_view, (),
                      (id, file_name, bytes, state, kind, rows_in, loaded, quarantined, duplicates, awaiting, progress,
                       error, quality, detected, mapping_id, mapping, created_at, started_at, finished_at,
                       allowed_moves))

struct preview_view {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  ingest::mapping suggestion;
  std::vector<std::string> questions; // what the values leave open
  std::vector<field_info> fields;
};
BOOST_DESCRIBE_STRUCT(preview_view, (), (columns, rows, suggestion, questions, fields))

struct quarantine_view {
  std::int64_t row_number = 0;
  std::string column;
  std::string reason;
  std::vector<std::string> raw;
  std::string state;
};
BOOST_DESCRIBE_STRUCT(quarantine_view, (), (row_number, column, reason, raw, state))

struct match_option {
  std::int64_t id = 0;
  std::string name;
  double score = 0;
};
BOOST_DESCRIBE_STRUCT(match_option, (), (id, name, score))

struct match_view {
  std::int64_t id = 0;
  std::string kind;
  std::string source_text;
  std::string unit;
  std::int64_t rows = 0;
  std::vector<match_option> candidates;
  std::string state;
  std::optional<std::int64_t> chosen_id;
  std::optional<timestamp> decided_at;
};
BOOST_DESCRIBE_STRUCT(match_view, (), (id, kind, source_text, unit, rows, candidates, state, chosen_id, decided_at))

struct mapping_view {
  std::int64_t id = 0;
  std::string name;
  ingest::mapping mapping;
  timestamp created_at{};
};
BOOST_DESCRIBE_STRUCT(mapping_view, (), (id, name, mapping, created_at))

class ingest_service {
 public:
  ingest_service(session_factory connect, upload_files files, const clock& clock, import_options options = {})
      : connect_(std::move(connect)),
        sessions_(connect_, idle_sessions_max),
        files_(std::move(files)),
        clock_(clock),
        options_(options) {}

  // Stores the file, inspects it and proposes a mapping: state mapping, or ready when a template for these columns is
  // known, or failed with the reason. The same bytes again return the upload that has them.
  result<upload_view> receive(organization_id organization, std::optional<std::int64_t> user,
                              const std::string& file_name, const std::filesystem::path& file);
  result<upload_view> upload(organization_id organization, std::int64_t id);
  result<std::vector<upload_view>> uploads(organization_id organization, std::int64_t before_id, int limit);
  result<preview_view> preview(organization_id organization, std::int64_t id);
  // Checks the mapping against the file's columns, keeps it as a template: state ready.
  result<upload_view> set_mapping(organization_id organization, std::int64_t id, const mapping& m);
  // State processing; `enqueue` also asks a worker to call process().
  result<upload_view> start(organization_id organization, std::int64_t id, bool enqueue);
  // Imports, or goes on with an import that was interrupted. conflict when another import of the organization runs.
  result<upload_view> process(organization_id organization, std::int64_t id, const progress_callback& progress,
                              bool refresh_statistics = true);
  void refresh_statistics(organization_id organization);

  result<std::vector<quarantine_view>> quarantine(organization_id organization, std::int64_t id, std::int64_t after_row,
                                                  int limit);
  result<upload_view> fix(organization_id organization, std::int64_t id, std::int64_t row_number,
                          const std::vector<std::string>& cells);
  result<upload_view> dismiss(organization_id organization, std::int64_t id, std::int64_t row_number);

  result<std::vector<match_view>> matches(organization_id organization, const std::string& state,
                                          const std::string& kind, std::int64_t after_id, int limit);
  // `chosen_id` empty: it is new.
  result<match_view> decide(organization_id organization, std::optional<std::int64_t> user, std::int64_t match_id,
                            std::optional<std::int64_t> chosen_id);
  result<match_view> undo(organization_id organization, std::int64_t match_id);
  result<std::vector<mapping_view>> mappings(organization_id organization);
  // A template by name, for pricing-ctl.
  result<mapping> named_mapping(organization_id organization, const std::string& name);

 private:
  static constexpr std::size_t idle_sessions_max = 4;
  struct work; // a session in a transaction of the organization
  result<void> inspect(work& w, std::int64_t id, const std::string& file_name, const wire::file_bytes& file);
  result<import_job> job_of(work& w, const upload_row& row);
  upload_view view_of(work& w, const upload_row& row);
  void apply_answers(work& w, std::int64_t upload_id);

  session_factory connect_;
  postgres::session_pool sessions_;
  upload_files files_;
  const clock& clock_;
  import_options options_;
};

} // namespace pricing::ingest
