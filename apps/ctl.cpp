// pricing-ctl: what an operator does by hand. Every subcommand is one function; results go to standard output, logs to
// standard error, and the exit status is 0 for done, 1 for failed, 2 for a wrong command line.
#include "core/config.hpp"
#include "core/library_environment.hpp"
#include "core/log.hpp"
#include "follow_up.hpp"
#include "http/server.hpp"
#include "identity/audit_chain.hpp"
#include "identity/config.hpp"
#include "identity/password.hpp"
#include "identity/second_factor.hpp"
#include "ingest/ingest_cli.hpp"
#include "ingest/upload_files.hpp"
#include "market/refresh.hpp"
#include "models/prediction_client.hpp"
#include "models/training.hpp"
#include "operations/demo_files.hpp"
#include "operations/operations_cli.hpp"
#include "postgres/config.hpp"
#include "postgres/migrations.hpp"
#include "redis/client.hpp"
#include "serving/config.hpp"
#include "serving/registry.hpp"
#include "storage/config.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <iostream>
#include <unistd.h>

using namespace pricing;

namespace {

// One line that is written over on a terminal; on anything else a line per tenth.
class progress_line {
 public:
  explicit progress_line(std::string what) : what_(std::move(what)) {}
  ~progress_line() {
    if (shown_ >= 0 && terminal_)
      std::cerr << '\n';
  }
  progress_line(const progress_line&) = delete;

  void show(double share, const std::string& note) {
    const int percent = std::clamp(static_cast<int>(share * 100), 0, 100);
    const int step = terminal_ ? percent : percent / 10 * 10;
    if (step == shown_ && (!terminal_ || note == note_))
      return;
    shown_ = step, note_ = note;
    constexpr int width = 30;
    std::string bar;
    for (int i = 0; i < width; ++i)
      bar += i < percent * width / 100 ? "█" : "░";
    std::cerr << (terminal_ ? "\r\033[K" : "") << fmt::format("{:<28} {} {:3} %  {}", what_, bar, percent, note)
              << (terminal_ ? "" : "\n") << std::flush;
  }

 private:
  const std::string what_;
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  int shown_ = -1;
  std::string note_;
};

class command_line {
 public:
  command_line()
      : source_(config_source::load().value()), database_(source_.read<postgres::config>("postgres").value()) {}

  std::unique_ptr<postgres::session> connect() const { return std::make_unique<postgres::session>(database_.url); }

  std::string storage_root() const { return source_.read<storage::config>("storage").value().root; }

  // The only organization, or the one of this name.
  organization_id organization(const std::string& name) const {
    const auto session = connect();
    std::string known;
    std::vector<organization_id> found;
    for (const auto id : session->query<std::int64_t>("select organization_ids()")) {
      session->begin(organization_id{id});
      const auto slug = session->query<std::string>("select slug from organizations where id = $1", id).at(0);
      session->commit();
      known += (known.empty() ? "" : ", ") + slug;
      if (name.empty() || slug == name)
        found.push_back(organization_id{id});
    }
    if (found.size() == 1)
      return found.front();
    if (known.empty())
      throw std::runtime_error("there is no organization yet; create one with: pricing-ctl user bootstrap");
    throw std::runtime_error("name the organization with --organization; there are: " + known);
  }

  void migrate(const std::string& folder) const {
    postgres::session owner(database_.owner_url);
    const auto report = postgres::migrate(owner, folder).value();
    std::cout << fmt::format("{} of {} migrations applied now\n", report.applied, report.version);
  }

  // The first organization and its administrator. The password is shown once; only its hash is kept.
  void bootstrap(const std::string& name, const std::string& slug, const std::string& currency,
                 const std::string& email) const {
    const auto session = connect();
    const std::string password = identity::generate_password();
    const std::string hash = identity::hash_password(password).value();
    session->begin(organization_id{});
    const auto id = session->query<std::int64_t>("select create_organization($1, $2, $3)", name, slug, currency).at(0);
    session->commit();
    session->begin(organization_id{id});
    session->query<std::int64_t>("select add_user($1, 'Administrator', 'admin', $2)", email, hash);
    session->commit();
    std::cout << fmt::format("Organization {} with its administrator\n  e-mail:   {}\n  password: {}\n", name, email,
                             password);
  }

  void demo_data(const std::string& folder, std::uint64_t seed, const std::string& until) const {
    operations::demo_options options{.seed = seed};
    if (!until.empty())
      options.until = parse_date(until).value();
    else
      options.until = clock_.today();
    const auto written = operations::write_demo_files(folder, options).value();
    std::cout << fmt::format("{} rows of {} proposals, {} items and {} suppliers in {}\n", written.rows,
                             written.proposals, written.items, written.suppliers, folder);
  }

  int import(ingest::import_request request, const std::string& organization_name) const {
    const organization_id into = organization(organization_name);
    const auto objects = storage::open_store(storage_root());
    ingest::ingest_service service([this] { return connect(); }, ingest::files_in(*objects), clock_);
    bool loaded = false, failed = false;
    std::unique_ptr<progress_line> line;
    std::filesystem::path shown;
    const auto listen = [&](const std::filesystem::path& file, const ingest::import_progress& p) {
      if (file != shown || !line) {
        shown = file;
        line = std::make_unique<progress_line>("Loading " + file.filename().string());
      }
      line->show(p.share, fmt::format("{} rows", p.counts.rows_in));
    };
    const auto reports = ingest::import_files(service, into, request, listen);
    line.reset();
    for (const auto& r : reports) {
      std::cout << describe(r) << '\n';
      loaded = loaded || (r.upload && r.upload->loaded > 0);
      failed = failed || r.failure;
    }
    if (loaded)
      refresh(into);
    return failed ? 1 : 0;
  }

  void refresh(organization_id of) const {
    const auto session = connect();
    progress_line line("Benchmarks and index");
    market::refresh_market(*session, of, clock_.today(),
                           [&](std::string_view step, double share) { line.show(share, std::string(step)); });
    follow_change(*session, of);
  }

  void train(const std::string& organization_name) const {
    const auto session = connect();
    const auto objects = storage::open_store(storage_root());
    auto line = std::make_unique<progress_line>("Training");
    const auto of = organization(organization_name);
    const auto report = models::train_model(*session, *objects, of, [&](std::string_view step, double share) {
                          line->show(share, std::string(step));
                        }).value();
    line.reset();
    follow_change(*session, of);
    std::cout << "On the newest year, which it had not seen:\n\n" << learn::to_table(report.tested);
    std::cout << fmt::format("\nVersion {} learned from {} lines in {:.0f} s and is {}\n", report.version, report.lines,
                             report.train_s,
                             report.promoted ? "in use." : "not in use: it does not beat simpler ways to guess.");
  }

  void evaluate(const std::string& from, const std::string& until, int retrain_months,
                const std::string& organization_name) const {
    models::evaluation_request request{.from = parse_date(from).value(), .retrain_months = retrain_months};
    if (!until.empty())
      request.until = parse_date(until).value();
    const auto session = connect();
    std::cout << learn::to_table(models::evaluate_history(*session, organization(organization_name), request).value());
  }

  void list_models(const std::string& organization_name) const {
    const auto session = connect();
    for (const auto& m : serving::list_models(*session, organization(organization_name)))
      std::cout << describe(m) << '\n';
  }

  void promote_model(const std::string& name, int version, const std::string& organization_name) const {
    const auto session = connect();
    const auto c = source_.read<serving::config>("serving").value();
    std::cout << describe(serving::promote(*session, organization(organization_name), name, version,
                                           {c.gate_metric, c.gate_higher_is_better})
                              .value())
              << '\n';
  }

  void roll_back_model(const std::string& name, const std::string& organization_name) const {
    const auto session = connect();
    std::cout << describe(serving::roll_back(*session, organization(organization_name), name).value()) << '\n';
  }

  // Every organization's chain of audit events; the heads in the file are those of the last time all was whole.
  int verify_audit(const std::string& organization_name, const std::string& heads_file) const {
    const auto ring = keys();
    const auto session = connect();
    auto heads =
        heads_file.empty() ? std::map<std::int64_t, identity::audit_link>() : identity::read_audit_heads(heads_file);
    std::vector<std::int64_t> wanted;
    if (organization_name.empty())
      wanted = session->query<std::int64_t>("select organization_ids()");
    else
      wanted.push_back(organization(organization_name).value);
    bool whole = true;
    for (const auto id : wanted) {
      const auto known = heads.find(id);
      const auto report = identity::verify_audit_chain(
          *session, ring, {id}, known == heads.end() ? std::nullopt : std::optional(known->second));
      if (report.broken)
        std::cout << fmt::format("organization {}: broken at event {}: {}\n", id, report.broken->event,
                                 report.broken->reason);
      else
        std::cout << fmt::format("organization {}: {} events, whole\n", id, report.events);
      whole = whole && !report.broken;
      if (!report.broken && report.last)
        heads[id] = *report.last;
    }
    if (!heads_file.empty() && whole)
      identity::write_audit_heads(heads_file, heads);
    return whole ? 0 : 1;
  }

  identity::key_ring keys() const {
    return identity::key_ring::create(source_.read<identity::config>("identity").value().secret).value();
  }

  static void print(const identity::key_ring& ring) {
    for (const auto& key : ring.all())
      std::cout << fmt::format("{}  {}\n", key.id(), &key == &ring.newest() ? "signs and seals" : "verifies and opens");
  }

  void reseal() const {
    const identity::sealer seals(keys());
    const auto session = connect();
    int count = 0;
    for (const auto id : session->query<std::int64_t>("select organization_ids()"))
      count += identity::reseal_second_factors(*session, seals, {id});
    std::cout << fmt::format("{} second factors sealed again with {}\n", count, keys().newest().id());
  }

  std::string effective_config() const {
    storage_root();
    source_.read<redis::config>("redis").value();
    source_.read<http::config>("http").value();
    source_.read<identity::config>("identity").value();
    source_.read<models::ml_config>("ml").value();
    source_.read<operations::backup_config>("backup").value();
    source_.read<serving::config>("serving").value();
    source_.read<serving::answers_config>("answers").value();
    std::string out;
    for (const auto& e : source_.entries())
      out += fmt::format("{} = {}  ({})\n", e.name, e.value, e.source);
    return out;
  }

  int backup(const operations::backup_request& r) const {
    auto settings = source_.read<operations::backup_config>("backup").value();
    if (settings.database_url.empty())
      settings.database_url = database_.owner_url;
    const char* file = std::getenv("PRICING_CONFIG");
    return operations::run_backup(r, settings, {storage_root(), effective_config(), file ? file : ""}, database_.url);
  }

  int wal(const operations::wal_request& r) const {
    return operations::run_wal(r, source_.read<operations::backup_config>("backup").value());
  }

  void print_config() const { std::cout << effective_config(); }

 private:
  static std::string describe(const serving::model_state& m) {
    const auto number = [](std::optional<int> v) { return v ? std::to_string(*v) : std::string("none"); };
    return fmt::format("{}: version {} in use, shadow {}, challenger {} ({:.0f} %){}", m.name,
                       number(m.current_version), number(m.shadow_version), number(m.challenger_version),
                       100 * m.challenger_share, m.loaded ? "" : ", unloaded");
  }

  static std::string describe(const ingest::import_file_report& r) {
    const std::string name = r.file.filename().string();
    if (r.failure)
      return name + ": " + r.failure->message;
    const auto& u = *r.upload;
    return fmt::format("{}: {} rows = {} loaded + {} quarantined + {} duplicates + {} awaiting a decision{}", name,
                       u.rows_in, u.loaded, u.quarantined, u.duplicates, u.awaiting,
                       r.known_before ? " (imported before)" : "");
  }

  config_source source_;
  postgres::config database_;
  system_clock clock_;
};

// "Stranger & Co." becomes "stranger-co".
std::string slug_of(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool keeps = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    if (keeps)
      out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (out.ends_with('-'))
    out.pop_back();
  return out;
}

// The commands with their options; each leaves its exit status.
int run(int argc, char** argv) {
  CLI::App app("Operates the pricing agent. Settings come from PRICING_* variables or the file in PRICING_CONFIG.",
               "pricing-ctl");
  app.require_subcommand(1);
  int status = 0;
  std::string organization;
  const auto for_organization = [&organization](CLI::App* command) {
    command->add_option("--organization", organization, "its short name; needed when there are several");
  };

  std::string migrations = "migrations";
  auto* migrate = app.add_subcommand("migrate", "Bring the database's schema up to date");
  migrate->add_option("--folder", migrations, "where the NNN_name.sql files are")->capture_default_str();
  migrate->callback([&] { command_line().migrate(migrations); });

  std::string name = "My Company", slug, currency = "USD", email = "admin@example.com";
  auto* user = app.add_subcommand("user", "People")->require_subcommand(1);
  auto* bootstrap = user->add_subcommand("bootstrap", "Create an organization with its administrator");
  bootstrap->add_option("--organization", name, "its name")->capture_default_str();
  bootstrap->add_option("--slug", slug, "its short name: small letters, digits and dashes; default: from its name");
  bootstrap->add_option("--currency", currency, "ISO 4217 code")->capture_default_str();
  bootstrap->add_option("--email", email, "of the administrator")->capture_default_str();
  bootstrap->callback([&] { command_line().bootstrap(name, slug.empty() ? slug_of(name) : slug, currency, email); });

  std::string heads;
  auto* audit = app.add_subcommand("audit", "The audit trail")->require_subcommand(1);
  auto* verify = audit->add_subcommand("verify", "Check every chain of audit events; names the first wrong event");
  verify->add_option("--heads", heads, "file, kept apart from the database, of the newest events seen so far");
  for_organization(verify);
  verify->callback([&] { status = command_line().verify_audit(organization, heads); });

  std::string secrets;
  auto* keys = app.add_subcommand("keys", "The secrets that sign and seal")->require_subcommand(1);
  keys->add_subcommand("list", "Ids of the secrets in use, newest first")->callback([] {
    const command_line here;
    here.print(here.keys());
  });
  auto* rotate = keys->add_subcommand("rotate", "Put a new secret before the others; then restart the services");
  rotate->add_option("--file", secrets, "the file of PRICING_IDENTITY_SECRET_FILE")->required();
  rotate->callback([&] { command_line::print(identity::rotate_secrets(secrets)); });
  keys->add_subcommand("reseal", "After the restart: seal with the newest whatever older secrets sealed")->callback([] {
    command_line().reseal();
  });
  auto* retire = keys->add_subcommand("retire", "After resealing: keep the newest secret alone");
  retire->add_option("--file", secrets, "the file of PRICING_IDENTITY_SECRET_FILE")->required();
  retire->callback([&] { command_line::print(identity::retire_secrets(secrets)); });

  std::string out = "demo", until;
  std::uint64_t seed = operations::demo_options{}.seed;
  auto* demo = app.add_subcommand("demo-data", "Write a generated sample: a price history and a proposal to judge");
  demo->add_option("--out", out, "folder")->capture_default_str();
  demo->add_option("--seed", seed, "the same seed and day give the same bytes")->capture_default_str();
  demo->add_option("--until", until, "first day without a letting, YYYY-MM-DD; default today");
  demo->callback([&] { command_line().demo_data(out, seed, until); });

  ingest::import_request files;
  std::string mapping;
  auto* load = app.add_subcommand("import", "Load price files: CSV, CSV.gz, XLSX");
  load->add_option("files", files.files, "files to load")->required()->check(CLI::ExistingFile);
  load->add_option("--mapping", mapping, "name of a kept mapping");
  load->add_option("--date-format", files.date_format, "answers an ambiguous notation, such as MM/DD/YYYY");
  load->add_flag("--yes", files.yes, "take the proposed mapping when it leaves no question open");
  for_organization(load);
  load->callback([&] {
    if (!mapping.empty())
      files.mapping_name = mapping;
    status = command_line().import(files, organization);
  });

  auto* refresh = app.add_subcommand("refresh", "Derive benchmarks, index and suppliers' positions again");
  for_organization(refresh);
  refresh->callback([&] {
    const command_line here;
    here.refresh(here.organization(organization));
  });

  auto* train =
      app.add_subcommand("train", "Train the price model, test it on the newest year, take it into use if better");
  for_organization(train);
  train->callback([&] { command_line().train(organization); });

  std::string from, test_until;
  int retrain_months = 6;
  auto* evaluate = app.add_subcommand("evaluate", "Train on the past only, test on what came later, compare");
  evaluate->add_option("--from", from, "first day of the test, YYYY-MM-DD")->required();
  evaluate->add_option("--until", test_until, "first day after the test; default: after the newest price");
  evaluate->add_option("--retrain-months", retrain_months, "train again so often; 0: once")->capture_default_str();
  for_organization(evaluate);
  evaluate->callback([&] { command_line().evaluate(from, test_until, retrain_months, organization); });

  operations::health_request health;
  auto* check = app.add_subcommand("health", "Look at a running system from outside and report");
  check->add_option("--url", health.options.url, "of pricing-web or what stands before it: https://host")->required();
  check->add_option("--environment", health.options.environment, "its name in the report")->capture_default_str();
  check->add_option("--output-format", health.format, "text, json or junit")
      ->check(CLI::IsMember({"text", "json", "junit"}))
      ->capture_default_str();
  check->add_option("--output-file", health.file, "default: standard output");
  check->add_flag("--fail-on-unhealthy", health.fail_on_unhealthy,
                  "exit with 1 when a check fails; else 0 once it has reported");
  check->add_option("--timeout", health.options.timeout_s, "seconds to wait for one answer")
      ->check(CLI::Range(1, 300))
      ->capture_default_str();
  check->add_option("--ca-file", health.options.ca_file, "PEM of a private certificate authority")
      ->check(CLI::ExistingFile);
  check->callback([&] { status = operations::run_health(health); });

  operations::backup_request backup;
  std::string backup_format = "text";
  auto* copy = app.add_subcommand("backup", "Make, verify, restore, list and clean up backups");
  copy->add_option("--environment", backup.environment, "whose: production, staging, …")->required();
  copy->add_option("--operation", backup.operation, "backup, verify, restore, list or cleanup")
      ->required()
      ->check(CLI::IsMember({"backup", "verify", "restore", "list", "cleanup"}));
  copy->add_option("--backup-type", backup.type, "all, database, models, config, manifests or terraform")
      ->check(CLI::IsMember({"all", "database", "models", "config", "manifests", "terraform"}))
      ->capture_default_str();
  copy->add_option("--backup-location", backup.location,
                   "a folder, or FOLDER/ENVIRONMENT/ID for one backup; default: PRICING_BACKUP_LOCATION");
  copy->add_option("--retention-days", backup.retention_days, "cleanup: what is older goes; never the last good one")
      ->check(CLI::Range(0, 36'500));
  copy->add_option("--target-time", backup.target_time,
                   "restore: 2026-11-25T17:53:38Z, or latest; default: the moment of the backup");
  copy->add_option("--target-folder", backup.target_folder, "restore: an empty folder; default: a new one in /var/tmp");
  copy->add_option("--output-format", backup_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  copy->callback([&] {
    backup.json = backup_format == "json";
    status = command_line().backup(backup);
  });

  operations::wal_request wal;
  auto* log_archive = app.add_subcommand("wal", "PostgreSQL's log, sealed, in PRICING_BACKUP_WAL_LOCATION");
  log_archive->require_subcommand(1);
  const auto for_wal = [&](CLI::App* command) {
    command->callback([&wal, &status, command] {
      wal.operation = command->get_name();
      status = command_line().wal(wal);
    });
  };
  auto* keep = log_archive->add_subcommand("archive", "archive_command = 'pricing-ctl wal archive %p %f'");
  keep->add_option("path", wal.path, "the finished segment")->required();
  keep->add_option("name", wal.name, "its name")->required();
  for_wal(keep);
  auto* fetch = log_archive->add_subcommand("fetch", "restore_command = 'pricing-ctl wal fetch %f %p'");
  fetch->add_option("name", wal.name, "of the segment")->required();
  fetch->add_option("path", wal.path, "where it goes")->required();
  for_wal(fetch);
  auto* ship = log_archive->add_subcommand("ship", "Archive what another archive_command puts into a folder, for ever");
  ship->add_option("folder", wal.path, "of NAME or NAME.gz")->required()->check(CLI::ExistingDirectory);
  ship->add_option("--every", wal.every_s, "seconds between looks")->check(CLI::Range(1, 3'600))->capture_default_str();
  ship->add_flag("--once", wal.once, "one look");
  for_wal(ship);

  std::string model;
  int version = 0;
  auto* models = app.add_subcommand("models", "Models that were uploaded to pricing-ml")->require_subcommand(1);
  auto* list = models->add_subcommand("list", "Each with the version in use");
  for_organization(list);
  list->callback([&] { command_line().list_models(organization); });
  auto* promote = models->add_subcommand("promote", "Take a version into use");
  promote->add_option("name", model, "of the model")->required();
  promote->add_option("version", version, "its number")->required();
  for_organization(promote);
  promote->callback([&] { command_line().promote_model(model, version, organization); });
  auto* rollback = models->add_subcommand("rollback", "Go back to the version that was in use before");
  rollback->add_option("name", model, "of the model")->required();
  for_organization(rollback);
  rollback->callback([&] { command_line().roll_back_model(model, organization); });

  auto* config = app.add_subcommand("config", "Print every setting with its value and where it comes from");
  config->callback([&] { command_line().print_config(); });

  try {
    app.parse(argc, argv);
    return status;
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
} // namespace

} // namespace

int main(int argc, char** argv) {
  set_before_main(argv, {idle_threads_sleep});
  log::set_service("pricing-ctl");
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "pricing-ctl: " << e.what() << '\n';
    return 1;
  }
}
