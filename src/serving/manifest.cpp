#include "serving/manifest.hpp"

#include <sodium.h>

namespace pricing::serving {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr std::string_view purpose = "pricing: model manifests"; // the secret signs tokens too; this key does only this

std::optional<double> number_in(const boost::json::value* in, std::string_view name) {
  const auto* object = in ? in->if_object() : nullptr;
  const auto* found = object ? object->if_contains(name) : nullptr;
  return found && found->is_number() ? std::optional(found->to_number<double>()) : std::nullopt;
}

} // namespace

manifest_signer::manifest_signer(std::string_view secret) {
  static_assert(sizeof public_ == crypto_sign_PUBLICKEYBYTES && sizeof private_ == crypto_sign_SECRETKEYBYTES);
  std::array<unsigned char, crypto_sign_SEEDBYTES> seed{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, seed.size());
  crypto_generichash_update(&state, bytes_of(purpose), purpose.size());
  crypto_generichash_update(&state, bytes_of(secret), secret.size());
  crypto_generichash_final(&state, seed.data(), seed.size());
  crypto_sign_seed_keypair(public_.data(), private_.data(), seed.data());
}

std::string manifest_signer::sign(std::string_view manifest_text) const {
  std::string out(crypto_sign_BYTES, '\0');
  crypto_sign_detached(reinterpret_cast<unsigned char*>(out.data()), nullptr, bytes_of(manifest_text),
                       manifest_text.size(), private_.data());
  return out;
}

bool manifest_signer::verify(std::string_view manifest_text, std::string_view signature) const {
  return signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(bytes_of(signature), bytes_of(manifest_text), manifest_text.size(),
                                     public_.data()) == 0;
}

std::string manifest_signer::public_key() const {
  std::string out(public_.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), public_.data(), public_.size());
  out.pop_back();
  return out;
}

result<void> may_be_promoted(const manifest& m, const promotion_gate& gate) {
  if (gate.metric.empty())
    return {};
  const auto* metadata = m.metadata.if_object();
  const auto member = [&](std::string_view name) { return metadata ? metadata->if_contains(name) : nullptr; };
  const auto ours = number_in(member("metrics"), gate.metric);
  if (!ours)
    return conflict("version " + std::to_string(m.version) + " is not promoted: its metadata has no metrics." +
                    gate.metric + ", which serving.gate_metric asks for");
  const auto* baselines = member("baselines") ? member("baselines")->if_object() : nullptr;
  if (!baselines || baselines->empty())
    return conflict("version " + std::to_string(m.version) +
                    " is not promoted: its metadata names no baselines to compare with");
  for (const auto& [name, figures] : *baselines) {
    const auto theirs = number_in(&figures, gate.metric);
    const std::string who(name);
    if (!theirs)
      return conflict("version " + std::to_string(m.version) + " is not promoted: baseline '" + who + "' has no " +
                      gate.metric);
    if (gate.higher_is_better ? !(*ours > *theirs) : !(*ours < *theirs))
      return conflict("version " + std::to_string(m.version) + " is not promoted: its " + gate.metric + " of " +
                      wire::encode(*ours) + " is no better than " + wire::encode(*theirs) + " of '" + who + "'");
  }
  return {};
}

} // namespace pricing::serving
