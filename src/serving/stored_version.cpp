#include "serving/stored_version.hpp"

namespace pricing::serving {

result<opened_version> open_version(const storage::object_store& objects, const manifest_signer& signer,
                                    const std::string& name, int version, const stored_version& stored) {
  const std::string what = "version " + std::to_string(version) + " of model '" + name + "'";
  if (!signer.verify(stored.manifest, stored.signature.value))
    return conflict(what + " has a manifest that was not signed with this identity.secret");
  auto about = wire::decode_json<manifest>(stored.manifest);
  if (!about)
    return about.error();
  auto bytes = objects.get(stored.object_key);
  if (!bytes)
    return bytes.error();
  const auto key = storage::content_key("models", *bytes);
  if (key.substr(key.rfind('/') + 1) != about->sha256 || about->name != name || about->version != version)
    return conflict(what + " has a file that is not the one of its manifest");
  return opened_version{std::move(*about), std::move(*bytes)};
}

} // namespace pricing::serving
