#pragma once
#include <boost/describe.hpp>

#include <string>

namespace pricing::storage {

// Section "storage".
struct config {
  std::string root = "var/objects"; // folder of the object store: uploads and models
};
BOOST_DESCRIBE_STRUCT(config, (), (root))

} // namespace pricing::storage
