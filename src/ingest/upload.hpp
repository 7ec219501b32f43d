#pragma once
// Uploads, their states and what is stored about them. The states and moves are those of domain.md; anything else is a
// conflict that names the allowed moves.
#include "core/clock.hpp"
#include "ingest/mapping.hpp"
#include "ingest/quality.hpp"

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <vector>

namespace pricing::ingest {

enum class upload_state { pending, validating, mapping, ready, processing, completed, partial, failed };
BOOST_DESCRIBE_ENUM(upload_state, pending, validating, mapping, ready, processing, completed, partial, failed)

const char* to_string(upload_state state);
upload_state parse_upload_state(std::string_view name); // of a stored value
std::vector<std::string> allowed_moves(upload_state from);
// conflict unless the move is allowed.
result<void> check_move(upload_state from, upload_state to);

struct new_upload {
  std::string file_name;
  std::string sha256; // 32 bytes
  std::int64_t bytes = 0;
  std::string object_key;
  std::optional<std::int64_t> created_by;
};

// One row of `uploads`.
struct upload_row {
  std::int64_t id = 0;
  std::string file_name;
  std::int64_t bytes = 0;
  std::string object_key;
  std::string state;
  std::optional<std::string> kind;
  std::optional<std::int64_t> mapping_id;
  std::optional<std::string> detected; // JSON of detected_format
  std::int64_t rows_in = 0, loaded = 0, quarantined = 0, duplicates = 0, awaiting = 0;
  std::int64_t checkpoint_row = 0;
  std::optional<std::int64_t> total_rows_estimate;
  std::int64_t bytes_read = 0;
  std::optional<std::string> error;
  std::optional<std::string> quality; // JSON of quality_report
  timestamp created_at{};
  std::optional<timestamp> started_at, finished_at;
};
BOOST_DESCRIBE_STRUCT(upload_row, (),
                      (id, file_name, bytes, object_key, state, kind, mapping_id, detected, rows_in, loaded,
                       quarantined, duplicates, awaiting, checkpoint_row, total_rows_estimate, bytes_read, error,
                       quality, created_at, started_at, finished_at))

struct mapping_row {
  std::int64_t id = 0;
  std::string name;
  std::string header_fingerprint;
  std::string mapping; // JSON
  timestamp created_at{};
};
BOOST_DESCRIBE_STRUCT(mapping_row, (), (id, name, header_fingerprint, mapping, created_at))

struct quarantined_row {
  std::int64_t row_number = 0;
  std::string column;
  std::string reason;
  std::string raw; // JSON array of cells
  std::string state;
};
BOOST_DESCRIBE_STRUCT(quarantined_row, (), (row_number, column, reason, raw, state))

struct match_row {
  std::int64_t id = 0;
  std::string kind;
  std::string source_text;
  std::string normalized;
  std::string unit;
  std::int64_t rows = 0;
  std::string candidates; // JSON
  std::string state;
  std::optional<std::int64_t> chosen_id;
  std::optional<timestamp> decided_at;
};
BOOST_DESCRIBE_STRUCT(match_row, (),
                      (id, kind, source_text, normalized, unit, rows, candidates, state, chosen_id, decided_at))

// Rows of one upload that a decision or its undo moved.
struct moved_rows {
  std::int64_t upload_id = 0;
  std::int64_t loaded = 0;
  std::int64_t duplicates = 0;
  std::int64_t held = 0;
};
BOOST_DESCRIBE_STRUCT(moved_rows, (), (upload_id, loaded, duplicates, held))

} // namespace pricing::ingest
