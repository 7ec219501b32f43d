#include "ingest/resolver.hpp"

namespace pricing::ingest {

std::string resolver::key_of(std::string_view normalized, std::string_view unit) {
  std::string key;
  key.reserve(normalized.size() + unit.size() + 1);
  key.append(normalized).append(1, '\x1f').append(unit);
  return key;
}

std::uint32_t resolver::add_entity(entity e) {
  const auto position = static_cast<std::uint32_t>(entities_.size());
  index_.add(position, e.normalized, e.normalized_unit);
  by_key_.emplace(key_of(e.normalized, e.normalized_unit), resolution{static_cast<std::int32_t>(position), -1});
  if (!e.code.empty())
    by_code_.emplace(e.code, resolution{static_cast<std::int32_t>(position), -1});
  if (e.id != 0)
    by_id_.emplace(e.id, position);
  entities_.push_back(std::move(e));
  return position;
}

std::uint32_t resolver::add_known(entity e) {
  const auto position = add_entity(std::move(e));
  stored_entities = entities_.size();
  return position;
}

void resolver::add_alias(std::int64_t entity_id, std::string_view normalized, std::string_view normalized_unit,
                         std::int64_t decision_id) {
  const auto known = by_id_.find(entity_id);
  if (known == by_id_.end())
    return;
  resolution r{static_cast<std::int32_t>(known->second), -1};
  if (decision_id != 0) {
    match_question q;
    q.id = decision_id;
    q.automatic = true;
    r.question = static_cast<std::int32_t>(questions_.size());
    questions_.push_back(std::move(q));
    stored_questions = questions_.size();
  }
  by_key_.emplace(key_of(normalized, normalized_unit), r);
}

void resolver::add_pending(match_question q) {
  by_key_.emplace(key_of(q.normalized, q.normalized_unit),
                  resolution{-1, static_cast<std::int32_t>(questions_.size())});
  questions_.push_back(std::move(q));
  stored_questions = questions_.size();
}

const resolution& resolver::resolve(std::string_view name, std::string_view normalized, std::string_view unit,
                                    std::string_view normalized_unit, std::string_view code,
                                    std::string_view category) {
  if (!code.empty())
    if (const auto known = by_code_.find(std::string(code)); known != by_code_.end())
      return known->second;
  auto key = key_of(normalized, normalized_unit);
  if (const auto known = by_key_.find(key); known != by_key_.end())
    return known->second;
  const auto found = look_for_similar(name, normalized, unit, normalized_unit, code, category);
  return by_key_.insert_or_assign(std::move(key), found).first->second;
}

resolution resolver::look_for_similar(std::string_view name, std::string_view normalized, std::string_view unit,
                                      std::string_view normalized_unit, std::string_view code,
                                      std::string_view category) {
  // A code of its own says that it is another thing, however alike the name is.
  const auto near =
      code.empty() ? index_.find(normalized, normalized_unit, 3, limits_.review) : std::vector<match::candidate>{};
  if (near.empty()) {
    const auto position = add_entity({0, std::string(name), std::string(normalized), std::string(unit),
                                      std::string(normalized_unit), std::string(code), std::string(category)});
    return {static_cast<std::int32_t>(position), -1};
  }
  match_question q;
  q.source_text = name;
  q.normalized = normalized;
  q.normalized_unit = normalized_unit;
  for (const auto& c : near)
    q.options.push_back({static_cast<std::uint32_t>(c.id), c.probability});
  q.automatic = near[0].probability >= limits_.automatic;
  const resolution r{q.automatic ? static_cast<std::int32_t>(near[0].id) : -1,
                     static_cast<std::int32_t>(questions_.size())};
  questions_.push_back(std::move(q));
  return r;
}

} // namespace pricing::ingest
