#pragma once
// The UI bundle, read into memory at start and found by exact name: no request path ever reaches the file system.
#include "http/types.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace pricing::http {

class static_files {
 public:
  static_files() = default;
  // Every regular file below `root` except source maps; symbolic links are not followed. "x.js.gz" beside "x.js" is its
  // compressed form. With `only`, no more than that folder of it, under its name. Throws std::runtime_error when the
  // folder cannot be read or holds more than 64 MB.
  void load(const std::string& root, const std::string& only = {});

  // The answer to GET `path` ("/assets/index-4f3a.js"; decoded), empty when there is none. A path without
  // an extension that names no file gets index.html (the UI routes itself).
  std::optional<response> find(std::string_view path, bool accepts_gzip) const;
  bool empty() const { return files_.empty(); }

 private:
  struct file {
    std::shared_ptr<const std::string> content;
    mutable std::once_flag compressed_once;
    mutable std::shared_ptr<const std::string> compressed;
    std::string_view content_type;
    std::string etag;
    bool immutable = false;
  };
  const file* lookup(std::string_view path) const;
  static response answer(const file& f, bool accepts_gzip);

  std::map<std::string, std::unique_ptr<file>, std::less<>> files_;
};

} // namespace pricing::http
