#pragma once
// Model files small enough to know what they answer, and an organization that serves them.
#include "postgres/pool.hpp"
#include "serving/catalog.hpp"
#include "support/postgres_server.hpp"
#include "support/process.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <thread>

namespace pricing::test {

// LightGBM text with features a and b: a <= 0.5 ? low : high.
inline std::string step_model(double low, double high) {
  return fmt::format("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n"
                     "objective=regression\nfeature_names=a b\nfeature_infos=[0:1] [0:1]\ntree_sizes=0\n\n"
                     "Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=1\nthreshold=0.5\n"
                     "decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value={} {}\nleaf_weight=1 1\n"
                     "leaf_count=10 10\ninternal_value=0\ninternal_weight=2\ninternal_count=20\nis_linear=0\n"
                     "shrinkage=1\n\n\nend of trees\n\nparameters:\nend of parameters\n",
                     low, high);
}

class temporary_folder {
 public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "pricing-serving-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~temporary_folder() { std::filesystem::remove_all(path); }
  temporary_folder(const temporary_folder&) = delete;
  std::filesystem::path path;
};

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Registers a file as the next version, as the routes do.
inline int add_version(postgres::session& s, storage::object_store& objects, const serving::manifest_signer& signer,
                       organization_id organization, const std::string& name, const std::string& file,
                       boost::json::object metadata = {}) {
  const auto trees = serving::load_trees(file, 1 << 20).value();
  serving::manifest m;
  m.name = name;
  serving::describe_trees(m, trees);
  const auto key = storage::content_key("models", file);
  m.sha256 = key.substr(key.rfind('/') + 1);
  m.bytes = static_cast<std::int64_t>(file.size());
  m.metadata = std::move(metadata);
  objects.put(key, file).value();
  s.begin(organization);
  s.execute("insert into served_models (organization_id, name) values ($1, $2) on conflict do nothing", organization,
            name);
  m.version = static_cast<int>(
      1 + s.query<std::int64_t>("select count(*) from served_model_versions where name = $1", name).at(0));
  const auto text = wire::encode(m);
  s.execute(
      "insert into served_model_versions (organization_id, name, version, object_key, manifest, signature) values "
      "($1, $2, $3, $4, $5, $6)",
      organization, name, m.version, key, text, postgres::bytes{signer.sign(text)});
  s.commit();
  return m.version;
}

} // namespace pricing::test
