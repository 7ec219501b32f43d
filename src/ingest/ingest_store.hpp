#pragma once
// All SQL of imports: uploads, staging of new items, suppliers and events, price rows, quarantine, held rows, match
// decisions, statistics. Every function runs in the session's current transaction and organization; a broken database
// is an exception.
#include "core/ids.hpp"
#include "ingest/resolver.hpp"
#include "ingest/upload.hpp"
#include "postgres/session.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pricing::ingest {

// Rows of one batch, by column; all vectors have the same length.
struct observation_columns {
  std::vector<std::int64_t> item, row_key;
  std::vector<std::optional<std::int64_t>> supplier, event;
  std::vector<date> observed_on;
  std::vector<std::optional<int>> line;
  std::vector<short> kind;
  std::vector<std::optional<short>> rank;
  std::vector<decimal> price;
  std::vector<std::optional<decimal>> quantity, amount;
  std::vector<std::string> currency;
  std::vector<int> source_row;
};

struct quarantine_columns {
  std::vector<int> row_number;
  std::vector<std::string> column_name, reason, raw; // raw: JSON array of cells
};

// Rows that wait for a decision, and rows that were loaded by one (kept so that it can be undone).
struct held_columns {
  std::vector<int> row_number;
  std::vector<std::optional<std::int64_t>> item_match, supplier_match;
  std::vector<std::string> row; // JSON, see held_row in ingest_store.cpp
};

struct new_event {
  std::string reference;
  date occurred_on;
  std::string kind, place;
};

struct batch_counts {
  std::int64_t rows_in = 0, loaded = 0, quarantined = 0, duplicates = 0, awaiting = 0;
};

class ingest_store {
 public:
  explicit ingest_store(postgres::session& database, organization_id organization)
      : database_(database), organization_(organization) {}

  std::string currency(); // of the organization: of prices that name none

  // Uploads
  std::int64_t create_upload(const new_upload& u);
  std::optional<upload_row> find_upload(std::int64_t id);
  std::optional<upload_row> lock_upload(std::int64_t id); // for update
  std::optional<upload_row> find_upload_by_hash(const std::string& sha256);
  std::vector<upload_row> list_uploads(std::int64_t before_id, int limit);
  void set_state(std::int64_t id, upload_state state, const std::optional<std::string>& error);
  void set_detected(std::int64_t id, const std::string& detected_json, std::int64_t total_rows);
  void set_mapping(std::int64_t id, std::optional<std::int64_t> mapping_id, const std::string& kind);
  void add_counts(std::int64_t id, const batch_counts& c, std::int64_t checkpoint_row, std::int64_t bytes_read);
  void set_quality(std::int64_t id, const std::string& quality_json);
  bool try_lock_imports();
  void unlock_imports();

  // Mapping templates
  std::int64_t save_mapping(const std::string& name, const std::string& fingerprint, const std::string& mapping_json);
  std::optional<mapping_row> find_mapping(std::int64_t id);
  std::optional<mapping_row> find_mapping_by_name(const std::string& name);
  std::optional<mapping_row> find_mapping_by_fingerprint(const std::string& fingerprint);
  std::vector<mapping_row> list_mappings();

  // What the resolver knows
  // With what the review queue's decisions teach about names that are alike.
  void load_items(resolver& into);
  void load_suppliers(resolver& into);
  // Stores what the resolver found new, assigns ids. `kind` is item or supplier.
  void store_new_items(resolver& from);
  void store_new_suppliers(resolver& from);
  void store_new_questions(resolver& from, const char* kind);
  std::vector<std::int64_t> store_events(const std::vector<new_event>& events); // ids in the same order

  // Rows
  // How many were new. `check` false: the caller knows that none is there yet (throws a unique violation otherwise); a
  // fifth faster.
  std::int64_t insert_observations(const observation_columns& rows, std::int64_t upload_id, bool check);
  // May rows of these days be written beside other open transactions? Not where TimescaleDB would have to make a chunk
  // for them first, whose lock lasts until the commit.
  bool has_room_for(const std::vector<date>& days);
  bool has_observations_in_year(int year);
  // The transaction's commit may reach the disk later: safe where rows and checkpoint travel together.
  void commit_without_waiting();
  std::vector<int> insert_observations_returning_rows(const observation_columns& rows, std::int64_t upload_id);
  void insert_quarantined(const quarantine_columns& rows, std::int64_t upload_id);
  void insert_held(const held_columns& rows, std::int64_t upload_id);
  // Adds the held rows of an upload (or one of them) to the counts of their questions.
  void count_match_rows(std::int64_t upload_id, std::int64_t row_number = 0);
  void notify_prices();

  // Quarantine
  std::vector<quarantined_row> list_quarantined(std::int64_t upload_id, std::int64_t after_row, int limit);
  std::optional<quarantined_row> lock_quarantined(std::int64_t upload_id, std::int64_t row_number);
  void set_quarantine_state(std::int64_t upload_id, std::int64_t row_number, const char* state);
  void move_counts(std::int64_t upload_id, const batch_counts& delta);

  // Match decisions
  std::vector<match_row> list_matches(const std::string& state, const std::string& kind, std::int64_t after_id,
                                      int limit);
  std::optional<match_row> lock_match(std::int64_t id);
  void decide_match(std::int64_t id, const char* state, std::optional<std::int64_t> chosen_id,
                    std::optional<std::int64_t> user);
  // Unit and pricing are those of the item `like` (they share the unit) where it exists.
  std::int64_t create_item(const std::string& name, const std::string& normalized, const std::string& unit,
                           std::int64_t like);
  std::int64_t create_supplier(const std::string& name, const std::string& normalized);
  bool entity_exists(const std::string& kind, std::int64_t id);
  void add_alias(const std::string& kind, std::int64_t entity_id, const std::string& normalized,
                 const std::string& unit);
  void remove_alias(const std::string& kind, const std::string& normalized, const std::string& unit);
  bool remove_unused_entity(const std::string& kind, std::int64_t id);
  // Loads the held rows whose questions are all answered; per upload what moved.
  std::vector<moved_rows> load_answered(std::int64_t match_id, const std::string& kind, std::int64_t entity_id);
  // Takes the rows of an answer out again and holds them.
  std::vector<moved_rows> unload_answered(std::int64_t match_id, const std::string& kind);

  // Answered questions that still have waiting rows of an upload: decided while an import was running.
  std::vector<match_row> list_unapplied_answers(std::int64_t upload_id);

  // item_statistics of all items, of those an upload touched, or of one.
  void refresh_statistics();
  void refresh_statistics_of_upload(std::int64_t upload_id);
  void refresh_statistics_of_item(std::int64_t item_id);
  void refresh_statistics_of_row(std::int64_t upload_id, std::int64_t row_number);
  void refresh_statistics_of_match(std::int64_t match_id);
  std::vector<std::int64_t> items_of_match(std::int64_t match_id); // items of the rows that its answer loaded
  void enqueue(const char* job_kind, const std::string& payload_json);

 private:
  match::taught_linkage lesson(const std::string& kind); // of people's decisions on items or suppliers
  postgres::session& database_;
  organization_id organization_;
};

} // namespace pricing::ingest
