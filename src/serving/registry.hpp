#pragma once
// The registry of served models, blocking, for tools: the same moves as over HTTP (registry_routes.hpp).
#include "core/ids.hpp"
#include "postgres/session.hpp"
#include "serving/manifest.hpp"

#include <optional>
#include <string>
#include <vector>

namespace pricing::serving {

// One name and which of its versions answers what.
struct model_state {
  std::string name;
  bool loaded = true;
  std::optional<int> current_version, shadow_version, challenger_version;
  double challenger_share = 0;
  std::vector<int> pinned_versions;
  std::int64_t revision = 0;
};
BOOST_DESCRIBE_STRUCT(model_state, (),
                      (name, loaded, current_version, shadow_version, challenger_version, challenger_share,
                       pinned_versions, revision))

inline constexpr const char* find_model_states =
    "select name, loaded, current_version, shadow_version, challenger_version, challenger_share, pinned_versions, "
    "revision from served_models where organization_id = $1 order by name";
inline constexpr const char* find_manifest =
    "select manifest from served_model_versions where organization_id = $1 and name = $2 and version = $3";
inline constexpr const char* find_model_state =
    "select name, loaded, current_version, shadow_version, challenger_version, challenger_share, pinned_versions, "
    "revision from served_models where organization_id = $1 and name = $2";
// stored_version (stored_version.hpp)
inline constexpr const char* find_stored_version =
    "select object_key, manifest, signature from served_model_versions where organization_id = $1 and name = $2 and "
    "version = $3";
// Of migrations/011: the row as it is then, or none.
inline constexpr const char* promote_version =
    "select name, loaded, current_version, shadow_version, challenger_version, challenger_share, pinned_versions, "
    "revision from promote_served_model($1, $2, $3)";
inline constexpr const char* roll_back_model =
    "select name, loaded, current_version, shadow_version, challenger_version, challenger_share, pinned_versions, "
    "revision from roll_back_served_model($1, $2)";

error no_such_version(const std::string& name, int version);
error nothing_to_roll_back_to(const std::string& name);

std::vector<model_state> list_models(postgres::session& database, organization_id organization);
// not_found when there is no such version; conflict when the gate keeps it out.
result<model_state> promote(postgres::session& database, organization_id organization, const std::string& name,
                            int version, const promotion_gate& gate);
// To the version that was in use before; again: to the one before that. conflict when there is none.
result<model_state> roll_back(postgres::session& database, organization_id organization, const std::string& name);

} // namespace pricing::serving
