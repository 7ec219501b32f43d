#pragma once
// Applies folder/NNN_name.sql in order, each in a transaction, under an advisory lock so that two starts wait for each
// other. Forward only: what was applied is kept with its SHA-256 in schema_migrations.
#include "core/error.hpp"
#include "postgres/session.hpp"

#include <filesystem>

namespace pricing::postgres {

struct migration_report {
  int applied = 0; // now
  int version = 0; // of the database afterwards; 0 is empty
};

// Fails with invalid_input when a file is misnamed, a number is missing or double, or an applied file was changed or
// removed; nothing is applied then. A failing statement throws database_error with the file's name; earlier files stay.
//
// As a superuser it first creates the roles pricing_owner and pricing_app where they are missing, and then works as
// pricing_owner; else the session must be pricing_owner's.
result<migration_report> migrate(session& owner, const std::filesystem::path& folder);

} // namespace pricing::postgres
