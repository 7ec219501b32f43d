#pragma once
#include <boost/describe.hpp>

#include <string>

namespace pricing::storage {

// Section "storage".
struct config {
  std::string root = "var/objects"; // of the object store (uploads, models, exports): a folder, or s3://bucket/prefix
};
BOOST_DESCRIBE_STRUCT(config, (), (root))

} // namespace pricing::storage
