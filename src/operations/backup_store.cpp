#include "operations/backup_store.hpp"

#include "wire/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace pricing::operations {
namespace {

constexpr std::size_t piece_bytes = 32 << 20; // in memory at once

std::string stream_identity(const backup_manifest& m, const backup_stream& s) {
  return fmt::format("{}/{}/{}", m.environment, m.id, s.name);
}

std::string manifest_object(const std::string& environment, const std::string& id) {
  return folder_key(environment, id) + "/manifest.json";
}
std::string signature_object(const std::string& environment, const std::string& id) {
  return folder_key(environment, id) + "/manifest.sig";
}

} // namespace

backup_store::backup_store(storage::object_store& objects, std::string environment, seal_key key)
    : objects_(objects), environment_(std::move(environment)), key_(key) {}

std::vector<listed_backup> backup_store::list() const {
  std::set<std::string> ids;
  for (const auto& key : objects_.list(environment_).value()) {
    const auto rest = std::string_view(key).substr(environment_.size() + 1);
    const auto id = rest.substr(0, rest.find('/'));
    if (is_backup_id(id) && id.size() < rest.size() && is_own_name(rest.substr(id.size() + 1)))
      ids.emplace(id);
  }
  std::vector<listed_backup> out;
  for (const auto& id : ids)
    out.push_back({id, find(id)});
  return out;
}

result<backup_manifest> backup_store::find(const std::string& id) const {
  const auto text = objects_.get(manifest_object(environment_, id));
  if (!text)
    return not_found(fmt::format("backup {} of {} is not complete or not there", id, environment_));
  const auto signature = objects_.get(signature_object(environment_, id));
  if (!signature || !key_.is_signed(*text, *signature))
    return invalid_input(
        fmt::format("the manifest of backup {} is damaged, or was signed with another key than {}", id, key_.id()));
  const auto m = wire::decode_json<backup_manifest>(*text);
  if (!m || m->format != 1)
    return invalid_input(fmt::format("the manifest of backup {} is of another version", id));
  // A whole backup that was put under another name is not that backup.
  if (m->id != id || m->environment != environment_)
    return invalid_input(fmt::format("{} holds the manifest of {}", id, m->id));
  return *m;
}

result<backup_manifest> backup_store::newest() const {
  auto all = list();
  for (auto b = all.rbegin(); b != all.rend(); ++b)
    if (b->manifest)
      return *b->manifest;
  return not_found(fmt::format("there is no complete backup of {} here", environment_));
}

result<void> backup_store::add_stream(backup_manifest& m, backup_stream stream, const fill_function& fill) {
  seal_writer writer(key_, stream_identity(m, stream), piece_bytes,
                     [&](std::size_t number, std::string_view piece) -> result<void> {
                       stream.pieces.push_back({piece.size(), sha256_hex(piece)});
                       auto kept = objects_.put(piece_key(m, stream, number), piece);
                       if (kept && stored_)
                         stored_(piece.size());
                       return kept;
                     });
  if (auto done = fill(writer); !done)
    return done;
  if (auto done = writer.finish(); !done)
    return done;
  stream.plain_bytes = writer.plain_bytes();
  stream.plain_sha256 = writer.plain_sha256();
  m.streams.push_back(std::move(stream));
  return {};
}

result<void> backup_store::complete(const backup_manifest& m) {
  const auto text = wire::encode(m);
  if (auto done = objects_.put(signature_object(environment_, m.id), key_.sign(text)); !done)
    return done;
  return objects_.put(manifest_object(environment_, m.id), text);
}

result<void> backup_store::read_stream(const backup_manifest& m, const backup_stream& s,
                                       const seal_reader::take_function& take) const {
  seal_reader reader(key_, stream_identity(m, s), take);
  for (std::size_t i = 0; i < s.pieces.size(); ++i) {
    const auto key = piece_key(m, s, i);
    const auto piece = objects_.get(key);
    if (!piece)
      return error{errc::invalid_input, fmt::format("{} is missing", key)};
    if (piece->size() != s.pieces[i].bytes || sha256_hex(*piece) != s.pieces[i].sha256)
      return invalid_input(fmt::format("{} was changed: it has {} bytes of {} and not the checksum of the manifest",
                                       key, piece->size(), s.pieces[i].bytes));
    if (auto done = reader.feed(*piece); !done)
      return done;
  }
  if (auto done = reader.finish(); !done)
    return done;
  if (reader.plain_sha256() != s.plain_sha256)
    return invalid_input(fmt::format("the content of {} does not have the checksum of the manifest", s.name));
  return {};
}

result<void> backup_store::check(const backup_manifest& m) const {
  for (const auto& s : m.streams)
    if (auto done = read_stream(m, s, [](std::string_view) { return result<void>(); }); !done)
      return done;
  return {};
}

result<void> backup_store::remove(const std::string& id) {
  std::vector<std::string> own;
  const auto folder = folder_key(environment_, id);
  const auto all = objects_.list(folder);
  if (!all)
    return all.error();
  for (const auto& key : *all)
    if (is_own_name(std::string_view(key).substr(folder.size() + 1)))
      own.push_back(key);
  // Without its manifest it is no backup any more, wherever this stops.
  std::stable_partition(own.begin(), own.end(), [](const auto& key) { return key.ends_with("/manifest.json"); });
  for (const auto& key : own)
    if (auto done = objects_.remove(key); !done)
      return done;
  return {};
}

} // namespace pricing::operations
