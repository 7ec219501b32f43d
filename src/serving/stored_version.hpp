#pragma once
// A version as the database and the object store keep it, and opened only if both are what was signed.
#include "postgres/codec.hpp"
#include "serving/manifest.hpp"
#include "storage/object_store.hpp"

namespace pricing::serving {

struct stored_version {
  std::string object_key;
  std::string manifest; // the bytes that were signed
  postgres::bytes signature;
};
BOOST_DESCRIBE_STRUCT(stored_version, (), (object_key, manifest, signature))

struct opened_version {
  manifest about;
  std::string bytes; // of the model file
};
// Blocking. conflict: the manifest was not signed with this secret, or the file is another; else what the store says.
result<opened_version> open_version(const storage::object_store& objects, const manifest_signer& signer,
                                    const std::string& name, int version, const stored_version& stored);

} // namespace pricing::serving
