// F1 of the linkage model on labelled record pairs: trained on train.csv, chosen on valid.csv, test.csv read once, at
// the end.
//   match_products FOLDER
// Every folder below FOLDER (or FOLDER itself) with tableA.csv, tableB.csv, train.csv, valid.csv and test.csv is
// measured; one with two tables and a *perfectMapping.csv is cut 3:1:1 by a hash of its pairs, over the candidates that
// the index finds. Prints the published figures beside: those methods saw single pairs, so a model without the measures
// of a pair's rivals (other records of the two tables, unlabelled) is shown too.
#include "match/linkage_model.hpp"
#include "wire/table.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <stdexcept>
#include <unordered_map>

namespace {

using namespace pricing;
namespace fs = std::filesystem;
using clock_type = std::chrono::steady_clock;

double since(clock_type::time_point t) {
  return std::chrono::duration<double>(clock_type::now() - t).count();
}

struct table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

table read_table(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const wire::file_bytes bytes{
      {}, std::make_shared<const std::string>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>())};
  const auto info = wire::inspect_table(bytes).value();
  const auto reader = wire::open_table(bytes, info).value();
  table out;
  out.columns = info.columns;
  for (wire::row_view row; reader->next(row).value();)
    if (row.number > info.header_row) {
      out.rows.emplace_back(row.cells.begin(), row.cells.end());
      out.rows.back().resize(out.columns.size());
    }
  return out;
}

// A table whose first column is the id.
struct side {
  std::vector<match::record> records;
  std::unordered_map<std::string, std::uint32_t> by_id;
  std::size_t fields = 0;
  explicit side(const table& t) : fields(t.columns.size() - 1) {
    for (const auto& row : t.rows) {
      by_id.emplace(row[0], static_cast<std::uint32_t>(records.size()));
      records.emplace_back(row.begin() + 1, row.end());
    }
  }
};

struct task {
  std::string name;
  match::record_pairs pairs;
  std::vector<match::labelled_pair> train, valid, test;
};

std::vector<match::labelled_pair> read_labels(const fs::path& path, const side& left, const side& right) {
  std::vector<match::labelled_pair> out;
  for (const auto& row : read_table(path).rows)
    out.push_back({{left.by_id.at(row[0]), right.by_id.at(row[1])}, row[2] == "1"});
  return out;
}

match::record_pairs pairs_of(const side& left, const side& right) {
  const auto fields = std::min(left.fields, right.fields);
  return {match::infer_kinds(left.records, right.records, fields), left.records, right.records};
}

task read_labelled(const fs::path& folder) {
  const side left(read_table(folder / "tableA.csv")), right(read_table(folder / "tableB.csv"));
  return {folder.filename().string(), pairs_of(left, right), read_labels(folder / "train.csv", left, right),
          read_labels(folder / "valid.csv", left, right), read_labels(folder / "test.csv", left, right)};
}

task read_mapped(const fs::path& folder, const fs::path& mapping) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".csv" && entry.path() != mapping)
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.size() != 2)
    throw std::runtime_error("two tables expected in " + folder.string());
  const auto same = read_table(mapping);
  // The mapping's first column holds ids of either table.
  side left(read_table(files[0])), right(read_table(files[1]));
  if (!same.rows.empty() && !left.by_id.contains(same.rows[0][0]))
    std::swap(left, right);
  task out{folder.filename().string(), pairs_of(left, right), {}, {}, {}};
  std::set<match::record_pair> truth;
  for (const auto& row : same.rows)
    truth.insert({left.by_id.at(row[0]), right.by_id.at(row[1])});
  std::vector<match::record_pair> all = out.pairs.candidates();
  const auto found = static_cast<double>(
      std::count_if(all.begin(), all.end(), [&](const match::record_pair& p) { return truth.contains(p); }));
  std::printf("%-24s candidates hold %.2f %% of the %zu true pairs in %.3f %% of all pairs\n", out.name.c_str(),
              100 * found / static_cast<double>(truth.size()), truth.size(),
              100 * static_cast<double>(all.size()) /
                  (static_cast<double>(left.records.size()) * static_cast<double>(right.records.size())));
  all.insert(all.end(), truth.begin(), truth.end()); // what the index misses counts against us
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (const auto& pair : all) {
    const auto part = match::hash_term(std::to_string(pair.left) + "," + std::to_string(pair.right)) % 5;
    (part < 3 ? out.train : part == 3 ? out.valid : out.test).push_back({pair, truth.contains(pair)});
  }
  return out;
}

// Without what the other records of the tables say: what a method sees that is shown single pairs.
void forget_rivals(const match::record_pairs& pairs, match::labelled_rows& rows) {
  const auto& names = pairs.feature_names();
  for (std::size_t i = 0; i < rows.values.size(); ++i)
    if (names[i % rows.columns].starts_with("lead over"))
      rows.values[i] = std::numeric_limits<float>::quiet_NaN();
}

std::vector<double> probabilities(const match::linkage_model& model, const match::labelled_rows& rows) {
  std::vector<double> out(rows.rows());
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = model.probability(std::span(rows.values).subspan(i * rows.columns, rows.columns));
  return out;
}

void print_reference(const std::string& name, double f1) {
  if (name.starts_with("abt_buy"))
    std::printf("%-24s test F1 %.1f against Magellan 43.6 (%.2f x) and DeepMatcher 62.8 (%.2f x), as published; "
                "must 60 %s, aim 75 %s\n",
                name.c_str(), f1, f1 / 43.6, f1 / 62.8, f1 >= 60 ? "yes" : "NO", f1 >= 75 ? "yes" : "no");
}

void measure(const task& t, bool explain, bool with_test, bool with_rivals) {
  const std::string name = t.name + (with_rivals ? "" : ", pair alone");
  const auto rows_of = [&](const std::vector<match::labelled_pair>& labelled) {
    auto rows = match::rows_of(t.pairs, labelled).value();
    if (!with_rivals)
      forget_rivals(t.pairs, rows);
    return rows;
  };
  const auto start = clock_type::now();
  const auto train = rows_of(t.train), valid = rows_of(t.valid);
  const auto measured = since(start);
  const auto training = clock_type::now();
  const auto model = match::linkage_model::train(train, valid).value();
  std::printf("%-24s %zu pairs to learn from, %zu to choose on; measures %.2f s, training %.2f s\n", name.c_str(),
              train.rows(), valid.rows(), measured, since(training));
  const auto chosen = match::quality_at(probabilities(model, valid), valid.labels, model.threshold());
  std::printf("%-24s valid F1 %.1f (precision %.1f, recall %.1f) at probability %.3f\n", name.c_str(),
              100 * chosen.f1(), 100 * chosen.precision(), 100 * chosen.recall(), model.threshold());
  if (explain) {
    const auto shares = model.importance();
    for (std::size_t c = 0; c < shares.size(); ++c)
      std::printf("  %5.1f %%  %s\n", 100 * shares[c], t.pairs.feature_names()[c].c_str());
  }
  if (!with_test)
    return;
  const auto test = rows_of(t.test);
  const auto scoring = clock_type::now();
  const auto p = probabilities(model, test);
  const auto scored = since(scoring);
  const auto q = match::quality_at(p, test.labels, model.threshold());
  double brier = 0, base = 0;
  const double share =
      static_cast<double>(std::count(test.labels.begin(), test.labels.end(), 1.0F)) / static_cast<double>(test.rows());
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double label = static_cast<double>(test.labels[i]);
    brier += (p[i] - label) * (p[i] - label);
    base += (share - label) * (share - label);
  }
  std::printf("%-24s test F1 %.1f (precision %.1f, recall %.1f); Brier skill %.2f; %.1f us a pair\n", name.c_str(),
              100 * q.f1(), 100 * q.precision(), 100 * q.recall(), 1 - brier / base,
              1e6 * scored / static_cast<double>(test.rows()));
  print_reference(name, 100 * q.f1());
}

} // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc < 2) {
    std::fprintf(stderr, "usage: match_products FOLDER [--explain] [--valid-only]\n");
    return 2;
  }
  const auto has = [&](std::string_view flag) {
    return std::any_of(argv + 2, argv + argc, [&](const char* a) { return flag == a; });
  };
  std::vector<fs::path> folders{argv[1]};
  for (const auto& entry : fs::recursive_directory_iterator(argv[1]))
    if (entry.is_directory())
      folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  int measured = 0;
  for (const auto& folder : folders) {
    std::vector<task> found;
    if (fs::exists(folder / "tableA.csv")) {
      found.push_back(read_labelled(folder));
    } else {
      for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().filename().string().ends_with("perfectMapping.csv"))
          found.push_back(read_mapped(folder, entry.path()));
    }
    for (const auto& t : found) {
      for (const bool with_rivals : {false, true})
        measure(t, has("--explain"), !has("--valid-only"), with_rivals);
      ++measured;
    }
  }
  if (measured == 0)
    std::fprintf(stderr, "no labelled tables under %s\n", argv[1]);
  return measured == 0;
}
