#include "identity/roles.hpp"

#include <algorithm>
#include <array>

namespace pricing::identity {
namespace {

constexpr std::array<std::string_view, 6> role_names = {"admin", "manager", "analyst", "buyer", "viewer", "supplier"};

constexpr std::array<std::string_view, 10> viewer_permissions = {
    "alert.read", "anomaly.read",  "event.read",    "item.read",   "match.read",
    "model.read", "overview.read", "supplier.read", "upload.read", "verdict.read"};

constexpr std::array<std::string_view, 17> buyer_permissions = {
    "alert.acknowledge", "alert.read",    "anomaly.manage", "anomaly.read",   "event.read",    "export.create",
    "export.read",       "item.read",     "match.read",     "model.read",     "overview.read", "prediction.read",
    "supplier.read",     "upload.create", "upload.read",    "verdict.create", "verdict.read"};

constexpr std::array<std::string_view, 21> analyst_permissions = {
    "alert.acknowledge", "alert.manage",   "alert.read",      "anomaly.manage", "anomaly.read",  "event.read",
    "export.create",     "export.read",    "item.read",       "job.read",       "match.decide",  "match.read",
    "model.read",        "overview.read",  "prediction.read", "quarantine.fix", "supplier.read", "upload.create",
    "upload.read",       "verdict.create", "verdict.read"};

constexpr std::array<std::string_view, 25> manager_permissions = {
    "alert.acknowledge", "alert.manage",  "alert.read",      "anomaly.manage", "anomaly.read",
    "audit.read",        "event.read",    "export.create",   "export.read",    "item.read",
    "job.manage",        "job.read",      "match.decide",    "match.read",     "model.manage",
    "model.read",        "overview.read", "prediction.read", "quarantine.fix", "supplier.read",
    "upload.create",     "upload.read",   "user.read",       "verdict.create", "verdict.read"};

constexpr std::array<std::string_view, 28> admin_permissions = {
    "alert.acknowledge", "alert.manage",    "alert.read",     "anomaly.manage", "anomaly.read",  "api_key.read",
    "api_key.write",     "audit.read",      "event.read",     "export.create",  "export.read",   "item.read",
    "job.manage",        "job.read",        "match.decide",   "match.read",     "model.manage",  "model.read",
    "overview.read",     "prediction.read", "quarantine.fix", "supplier.read",  "upload.create", "upload.read",
    "user.read",         "user.write",      "verdict.create", "verdict.read"};

static_assert(std::ranges::is_sorted(viewer_permissions) && std::ranges::is_sorted(buyer_permissions) &&
              std::ranges::is_sorted(analyst_permissions) && std::ranges::is_sorted(manager_permissions) &&
              std::ranges::is_sorted(admin_permissions));

} // namespace

std::string_view to_string(role r) {
  return role_names[static_cast<std::size_t>(r)];
}

std::optional<role> parse_role(std::string_view name) {
  const auto found = std::ranges::find(role_names, name);
  if (found == role_names.end())
    return std::nullopt;
  return static_cast<role>(found - role_names.begin());
}

std::span<const std::string_view> permissions_of(role r) {
  switch (r) {
  case role::admin:
    return admin_permissions;
  case role::manager:
    return manager_permissions;
  case role::analyst:
    return analyst_permissions;
  case role::buyer:
    return buyer_permissions;
  case role::viewer:
    return viewer_permissions;
  case role::supplier:
    return {};
  }
  return {};
}

} // namespace pricing::identity
