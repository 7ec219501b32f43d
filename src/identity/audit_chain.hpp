#pragma once
// The audit trail as evidence. Each organization's events are a chain: hash = SHA-256(previous hash ‖ content), made by
// the database. Its head is signed by the service with a key the database does not have, and may be kept in a file
// elsewhere as well, so that neither a changed event nor a shortened chain goes unnoticed.
#include "core/ids.hpp"
#include "identity/key_ring.hpp"
#include "postgres/session.hpp"

#include <boost/describe.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace pricing::identity {

// One event as the chain knows it.
struct audit_link {
  std::int64_t id = 0;
  std::string hash; // hex
};
BOOST_DESCRIBE_STRUCT(audit_link, (), (id, hash))

// "<key id>:<hex>", HMAC-SHA-512-256 of organization, event and hash.
std::string sign_audit_head(const key_ring& keys, organization_id organization, const audit_link& head);
bool is_signed_audit_head(const key_ring& keys, organization_id organization, const audit_link& head,
                          std::string_view signature);

struct audit_break {
  std::int64_t event = 0; // the first that is wrong; 0 when none is left to name
  std::string reason;
};
struct audit_report {
  std::int64_t events = 0; // looked at
  std::optional<audit_link> last;
  std::optional<audit_break> broken;
};

// Walks the whole chain of one organization. `remembered`: a head seen earlier and kept apart; it must still be in the
// chain. Throws postgres::database_error.
audit_report verify_audit_chain(postgres::session& session, const key_ring& keys, organization_id organization,
                                const std::optional<audit_link>& remembered = std::nullopt);

// Heads kept apart from the database: one line per organization, "organization event hash". A file that is not there
// holds none; one that cannot be read or written is a std::runtime_error.
std::map<std::int64_t, audit_link> read_audit_heads(const std::filesystem::path& file);
void write_audit_heads(const std::filesystem::path& file, const std::map<std::int64_t, audit_link>& heads);

} // namespace pricing::identity
