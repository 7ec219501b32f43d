#include "http/static_files.hpp"

#include "http/compress.hpp"
#include "http/text.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace pricing::http {
namespace {

namespace fs = std::filesystem;

std::string_view type_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 17> types{{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".webp", "image/webp"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".woff", "font/woff"},
      {".ttf", "font/ttf"},
      {".txt", "text/plain; charset=utf-8"},
      {".xml", "application/xml"},
      {".webmanifest", "application/manifest+json"},
      {".wasm", "application/wasm"},
  }};
  for (const auto& [ending, type] : types)
    if (name.ends_with(ending))
      return type;
  return "application/octet-stream";
}

std::shared_ptr<const std::string> read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in)
    throw std::runtime_error("cannot read " + path.string());
  return std::make_shared<const std::string>(std::move(content).str());
}

// A path that could mean more than a name below the root is answered by nothing, not even by index.html.
bool is_plain(std::string_view path) {
  return path.find("..") == path.npos && path.find('\\') == path.npos && path.find("//") == path.npos &&
         path.find('\0') == path.npos;
}

} // namespace

void static_files::load(const std::string& root, const std::string& only) {
  constexpr std::size_t bytes_max = 64 * 1024 * 1024;
  const fs::path folder = only.empty() ? fs::path(root) : fs::path(root) / only;
  if (!fs::is_directory(folder))
    throw std::runtime_error("the folder of static files '" + folder.string() +
                             "' does not exist; set http.static_root");
  std::size_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_symlink() || !entry.is_regular_file())
      continue;
    const auto name = "/" + fs::relative(entry.path(), root).generic_string();
    if (name.ends_with(".map") || name.ends_with(".gz") || name.ends_with(".br"))
      continue;
    auto f = std::make_unique<file>();
    // An empty file reads as a failed stream.
    f->content = entry.file_size() ? read(entry.path()) : std::make_shared<const std::string>();
    f->content_type = type_of(name);
    f->etag = content_etag(*f->content);
    f->immutable = name.starts_with("/assets/");
    if (const auto packed = entry.path().string() + ".gz"; fs::is_regular_file(packed))
      f->compressed = read(packed);
    bytes += f->content->size();
    if (bytes > bytes_max)
      throw std::runtime_error("the static files in '" + root + "' are larger than 64 MB");
    files_.emplace(name, std::move(f));
  }
}

const static_files::file* static_files::lookup(std::string_view path) const {
  const auto exact = files_.find(path);
  if (exact != files_.end())
    return exact->second.get();
  const auto last = path.substr(path.rfind('/') + 1);
  if (path.starts_with("/api-docs/") || last.find('.') != last.npos)
    return nullptr;
  const auto index = files_.find(std::string_view("/index.html"));
  return index == files_.end() ? nullptr : index->second.get();
}

std::optional<response> static_files::find(std::string_view path, bool accepts_gzip) const {
  if (path.empty() || path.front() != '/' || !is_plain(path))
    return std::nullopt;
  const auto* f = lookup(path);
  if (!f)
    return std::nullopt;
  return answer(*f, accepts_gzip);
}

response static_files::answer(const file& f, bool accepts_gzip) {
  response r;
  r.content_type = f.content_type;
  r.shared_body = f.content;
  r.etag = f.etag;
  r.compressible = false; // whichever form is sent, it is final
  r.set("Cache-Control", f.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (!is_compressible(f.content_type) || f.content->size() < 1024)
    return r;
  r.set("Vary", "Accept-Encoding");
  if (!accepts_gzip)
    return r;
  std::call_once(f.compressed_once, [&] {
    if (!f.compressed)
      f.compressed = std::make_shared<const std::string>(gzip(*f.content, 6));
  });
  r.shared_body = f.compressed;
  r.etag.insert(r.etag.size() - 1, "-gz");
  r.set("Content-Encoding", "gzip");
  return r;
}

} // namespace pricing::http
