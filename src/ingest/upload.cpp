#include "ingest/upload.hpp"

#include <stdexcept>

namespace pricing::ingest {
namespace {

constexpr std::array<const char*, 8> state_names = {"pending",    "validating", "mapping", "ready",
                                                    "processing", "completed",  "partial", "failed"};

// mapping and ready may change until the import starts; a processing upload that was interrupted starts again; a
// partial one becomes complete when its last row is fixed or decided.
bool may_move(upload_state from, upload_state to) {
  using s = upload_state;
  switch (from) {
  case s::pending:
    return to == s::validating || to == s::failed;
  case s::validating:
    return to == s::mapping || to == s::failed;
  case s::mapping:
    return to == s::ready || to == s::failed;
  case s::ready:
    return to == s::mapping || to == s::ready || to == s::processing;
  case s::processing:
    return to == s::completed || to == s::partial || to == s::failed || to == s::processing;
  case s::partial:
    return to == s::completed;
  case s::completed: // undoing a decision holds rows again
    return to == s::partial;
  case s::failed:
    return false;
  }
  return false;
}

} // namespace

const char* to_string(upload_state state) {
  return state_names[static_cast<std::size_t>(state)];
}

upload_state parse_upload_state(std::string_view name) {
  for (std::size_t i = 0; i < state_names.size(); ++i)
    if (name == state_names[i])
      return static_cast<upload_state>(i);
  throw std::runtime_error("an upload has the unknown state '" + std::string(name) + "'");
}

std::vector<std::string> allowed_moves(upload_state from) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < state_names.size(); ++i)
    if (may_move(from, static_cast<upload_state>(i)))
      out.emplace_back(state_names[i]);
  return out;
}

result<void> check_move(upload_state from, upload_state to) {
  if (may_move(from, to))
    return {};
  std::string allowed;
  for (const auto& name : allowed_moves(from))
    allowed += (allowed.empty() ? "" : ", ") + name;
  return conflict("the upload is " + std::string(to_string(from)) + " and cannot become " + to_string(to) +
                  (allowed.empty() ? "; nothing more can be done with it" : "; it can become " + allowed));
}

} // namespace pricing::ingest
