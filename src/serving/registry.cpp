#include "serving/registry.hpp"

namespace pricing::serving {

error no_such_version(const std::string& name, int version) {
  return not_found("model '" + name + "' has no version " + std::to_string(version));
}

error nothing_to_roll_back_to(const std::string& name) {
  return conflict("model '" + name + "' has no earlier promoted version to go back to");
}

std::vector<model_state> list_models(postgres::session& database, organization_id organization) {
  database.begin(organization);
  auto rows = database.query<model_state>(find_model_states, organization);
  database.commit();
  return rows;
}

result<model_state> promote(postgres::session& database, organization_id organization, const std::string& name,
                            int version, const promotion_gate& gate) {
  database.begin(organization);
  const auto texts = database.query<std::string>(find_manifest, organization, name, version);
  const auto allowed = texts.empty() ? result<void>(no_such_version(name, version))
                                     : may_be_promoted(wire::decode_json<manifest>(texts.front()).value(), gate);
  if (!allowed) {
    database.rollback();
    return allowed.error();
  }
  auto rows = database.query<model_state>(promote_version, name, version, std::optional<std::int64_t>());
  database.commit();
  if (rows.empty())
    return no_such_version(name, version);
  return std::move(rows.front());
}

result<model_state> roll_back(postgres::session& database, organization_id organization, const std::string& name) {
  database.begin(organization);
  auto rows = database.query<model_state>(roll_back_model, name, std::optional<std::int64_t>());
  database.commit();
  if (rows.empty())
    return nothing_to_roll_back_to(name);
  return std::move(rows.front());
}

} // namespace pricing::serving
