#include "serving/inference_routes.hpp"

#include "core/log.hpp"
#include "http/problem.hpp"
#include "serving/answer_json.hpp"
#include "serving/row_batch.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <charconv>

namespace pricing::serving {
namespace {

using http::context;
using http::method;
using http::response;
using steady = std::chrono::steady_clock;
using parse_function = result<inference_request> (*)(std::string_view, const parse_limits&);
using write_function = std::string (*)(const served_version&, const inference_request&, const inference&);

constexpr const char* set_loaded =
    "update served_models set loaded = $3 where organization_id = $1 and name = $2 returning revision";

response protocol_error(const error& e) {
  std::string text = "{\"error\":";
  wire::detail::write_string(text, e.code == errc::internal ? "something went wrong on our side" : e.message);
  text += '}';
  // Details of a wrong request do not make another status here: the protocol's clients know 400.
  auto out = response::json(std::move(text), e.code == errc::invalid_input ? 400 : http::status_of(e));
  out.set("Cache-Control", "no-store");
  if (e.code == errc::unavailable || e.code == errc::rate_limited || e.code == errc::timeout)
    out.set("Retry-After", std::to_string(std::max(1, e.retry_after_s)));
  if (e.code == errc::unauthenticated)
    out.set("WWW-Authenticate", "Bearer");
  return out;
}

response answered(std::string json) {
  auto out = response::json(std::move(json));
  out.etag_from_content = false;
  return out;
}

// One per thread.
class inference_service {
 public:
  inference_service(inference_parts parts, std::shared_ptr<callers> known)
      : parts_(std::move(parts)), known_(std::move(known)) {}

  const inference_parts& parts() const { return parts_; }

  // The version that shall answer: the pinned one, else by the key.
  result<version_ptr> choose(const served_model& model, std::string_view pinned, std::string_view key) const {
    if (!model.loaded)
      return error{errc::not_found, "model '" + model.name + "' is unloaded"};
    if (pinned.empty()) {
      if (const auto& picked = model.pick(key))
        return picked;
      return error{errc::not_found, "model '" + model.name + "' has no version in use; promote one"};
    }
    int number = 0;
    const auto read = std::from_chars(pinned.data(), pinned.data() + pinned.size(), number);
    if (read.ec == std::errc{} && read.ptr == pinned.data() + pinned.size())
      if (const auto at = model.versions.find(number); at != model.versions.end() && at->second)
        return at->second;
    return error{errc::not_found, "model '" + model.name + "' has no version '" + std::string(pinned) +
                                      "' in memory; pin it in the model's traffic"};
  }

  result<model_ptr> find(organization_id organization, std::string_view name) const {
    if (auto model = parts_.models.find(organization, name))
      return model;
    if (!parts_.models.ready())
      return error{errc::unavailable, "models are being read", {}, 1};
    return not_found("there is no model '" + std::string(name) + "'");
  }

  // Parses, predicts, writes. The caller has been admitted.
  asio::awaitable<result<response>> infer(organization_id organization, const http::request& r, std::string_view pinned,
                                          parse_function parse, write_function write) {
    const auto failed = [this](const error& e) {
      parts_.counted.failed(to_string(e.code));
      return e;
    };
    const auto model = find(organization, r.path_param("model"));
    if (!model)
      co_return failed(model.error());
    auto parsed = parse(r.body, {.values_max = parts_.settings.values_max});
    if (!parsed)
      co_return failed(parsed.error());
    auto& asked = *parsed;
    const std::string_view key = !asked.key.empty() ? asked.key : !asked.id.empty() ? asked.id : r.request_id;
    const auto chosen = choose(**model, pinned, key);
    if (!chosen)
      co_return failed(chosen.error());
    const served_version& version = **chosen;
    if (const auto fits = fit_columns(version, asked); !fits)
      co_return failed(fits.error());
    if (estimated_us(version, asked) <= parts_.settings.direct_us_max) {
      const bool joins = version.batches && asked.rows == 1 && asked.outputs == predict_output;
      result<inference> computed = inference{};
      if (joins)
        computed = co_await batch_.infer(*chosen, asked);
      else
        computed = timed(version, asked);
      if (!computed)
        co_return failed(computed.error());
      std::string text = write(version, asked, *computed);
      shadow(parts_.shadows, **model, *chosen, asked, *computed);
      co_return answered(std::move(text));
    }
    std::string kept_under;
    if (is_kept(**model, version, asked, r)) {
      kept_under = answer_store::key_of({std::to_string(organization.value), version.about.name,
                                         std::to_string(version.about.version), version.about.sha256, r.path, r.body});
      if (auto found = co_await parts_.answers->find(kept_under))
        co_return answered(std::move(*found));
    }
    auto out = co_await on_the_pool(*model, *chosen, std::move(asked), r.received_at, write);
    if (!out)
      co_return failed(out.error());
    if (!kept_under.empty())
      parts_.answers->keep(std::move(kept_under), out->body);
    co_return std::move(*out);
  }

  // Who calls by the protocol; nobody in particular where that is allowed.
  result<http::principal_ptr> admit(const http::request& r, std::string_view permission,
                                    bool anonymous_too = true) const {
    if (anonymous_too && parts_.settings.anonymous_organization > 0 && r.header("Authorization").empty())
      return anonymous();
    auto caller = known_->who(r);
    if (caller && !(*caller)->has(permission))
      return error{errc::forbidden, "you need the permission '" + std::string(permission) + "'"};
    return caller;
  }

 private:
  http::principal_ptr anonymous() const {
    auto caller = std::make_shared<http::principal>();
    caller->organization = {parts_.settings.anonymous_organization};
    return caller;
  }

  // Contributions, where they take much longer than the way to Redis: predictions alone are made sooner than the key of
  // their request (bench/answer_cache.cpp). A shadow must see every request.
  bool is_kept(const served_model& model, const served_version& version, const inference_request& asked,
               const http::request& r) const {
    return parts_.answers && parts_.answers->is_on() && !model.shadow && (asked.outputs & contributions_output) != 0 &&
           r.body.size() <= parts_.answers->settings().request_bytes_max &&
           estimated_us(version, asked) >= parts_.answers->settings().served_us_min;
  }

  asio::awaitable<result<response>> on_the_pool(model_ptr model, version_ptr version, inference_request asked,
                                                steady::time_point received, write_function write) {
    auto patience = std::chrono::microseconds(std::chrono::milliseconds(parts_.settings.timeout_ms));
    if (asked.timeout_us)
      patience = std::clamp(std::chrono::microseconds(*asked.timeout_us), std::chrono::microseconds(1), patience);
    const auto until = received + patience;
    const auto queued = steady::now();
    const auto shared = std::make_shared<inference_request>(std::move(asked));
    // Not `this`: what is abandoned at a shutdown may still run when the routes are gone; the parts outlive the pool.
    const auto work = [counted = &parts_.counted, shadows = &parts_.shadows, model, version, shared, until, queued,
                       write]() -> result<std::string> {
      const auto now = steady::now();
      counted->waited(std::chrono::duration<double>(now - queued).count());
      if (now > until)
        return error{errc::timeout, "the request waited longer than it may take", {}, 1};
      auto computed = timed(*version, *shared);
      if (!computed)
        return computed.error();
      std::string text = write(*version, *shared, *computed);
      shadow(*shadows, *model, version, *shared, *computed);
      return text;
    };
    auto text = co_await parts_.cpu.run(work);
    if (!text)
      co_return text.error();
    co_return answered(std::move(*text));
  }

  static result<inference> timed(const served_version& version, const inference_request& asked) {
    const auto from = steady::now();
    auto out = serving::infer(version, asked);
    if (out)
      count(version.series, 1, asked.rows, std::chrono::duration<double>(steady::now() - from).count());
    return out;
  }

  // What the version in use said is compared with what its shadow says.
  static void shadow(shadow_queue& queue, const served_model& model, const version_ptr& answered_by,
                     inference_request& asked, inference& computed) {
    if (!model.shadow || !model.compared || answered_by != model.current || computed.predict.empty())
      return;
    queue.add({model.shadow, model.compared, std::move(asked), std::move(computed.predict)});
  }

  const inference_parts parts_;
  const std::shared_ptr<callers> known_;
  row_batch batch_;
};
using service_ptr = std::shared_ptr<inference_service>;

template <class Body>
http::handler protocol(service_ptr service, std::string_view permission, Body body) {
  return [service, permission, body](context& c) -> asio::awaitable<result<response>> {
    const auto caller = service->admit(c.request, permission, permission != "model.manage");
    if (!caller)
      co_return protocol_error(caller.error());
    const organization_id organization = (*caller)->organization;
    try {
      auto out = co_await body(*service, c, organization);
      if (!out)
        co_return protocol_error(out.error());
      co_return std::move(*out);
    } catch (const std::exception& e) {
      log::error("request failed", {{"request_id", c.request.request_id.c_str()}, {"error", e.what()}});
      co_return protocol_error({errc::internal, e.what()});
    }
  };
}

std::vector<int> numbers_of(const served_model& model) {
  std::vector<int> out;
  for (const auto& [number, loaded] : model.versions)
    if (loaded)
      out.push_back(number);
  return out;
}

asio::awaitable<result<response>> describe_model(inference_service& s, context& c, organization_id organization) {
  const auto model = s.find(organization, c.request.path_param("model"));
  if (!model)
    co_return model.error();
  const auto version = s.choose(**model, c.request.path_param("version"), {});
  if (!version)
    co_return version.error();
  co_return answered(metadata_json(**version, numbers_of(**model)));
}

asio::awaitable<result<response>> model_ready(inference_service& s, context& c, organization_id organization) {
  const auto model = s.find(organization, c.request.path_param("model"));
  if (!model)
    co_return model.error();
  const auto version = s.choose(**model, c.request.path_param("version"), {});
  if (!version)
    co_return version.error();
  co_return answered(boost::json::serialize(boost::json::object{{"name", (*model)->name}, {"ready", true}}));
}

// {"ready": true} lists only what answers.
asio::awaitable<result<response>> repository_index(inference_service& s, context& c, organization_id organization) {
  bool only_ready = false;
  if (!c.request.body.empty()) {
    const auto body = wire::parse_json(c.request.body);
    if (!body)
      co_return body.error();
    const auto* wanted = body->is_object() ? body->get_object().if_contains("ready") : nullptr;
    only_ready = wanted && wanted->is_bool() && wanted->get_bool();
  }
  boost::json::array out;
  for (const auto& [name, model] : *s.parts().models.models_of(organization)) {
    const auto add = [&](std::string version, const char* state, std::string reason) {
      boost::json::object one{{"name", name}};
      if (!version.empty())
        one["version"] = version;
      one["state"] = state;
      one["reason"] = reason;
      out.push_back(std::move(one));
    };
    for (const int number : numbers_of(*model))
      add(std::to_string(number), "READY", model->failure);
    if (!only_ready && (!model->current || !model->loaded))
      add("", "UNAVAILABLE",
          !model->failure.empty() ? model->failure
          : !model->loaded        ? "unloaded"
                                  : "no version is in use");
  }
  co_return answered(boost::json::serialize(out));
}

asio::awaitable<result<response>> change_loaded(inference_service& s, context& c, organization_id organization,
                                                bool loaded) {
  const std::string name(c.request.path_param("model"));
  const postgres::scope scope{organization, c.deadline()};
  const auto revision =
      co_await s.parts().database.query_optional<std::int64_t>(scope, set_loaded, organization, name, loaded);
  if (!revision)
    co_return revision.error();
  if (!*revision)
    co_return not_found("there is no model '" + name + "'");
  const auto served = co_await wait_until_served(s.parts().models, organization, name, **revision, c.deadline());
  if (!served)
    co_return served.error();
  co_return answered("{}");
}

asio::awaitable<result<response>> server_state(bool live, bool ready) {
  auto out = answered(boost::json::serialize(boost::json::object{{"live", live}, {"ready", ready}}));
  out.status = live && ready ? 200 : 503;
  co_return out;
}

void add_protocol(std::vector<http::route>& routes, const service_ptr& service) {
  const auto& p = service->parts();
  // The protocol has errors and a description of its own, so these routes admit their callers themselves.
  const auto open = [&p](std::string summary) {
    return http::route_options{.summary = std::move(summary),
                               .is_public = true,
                               .rate_class = "ml",
                               .body_max = p.settings.body_max,
                               .hidden = true,
                               .timeout_s = (p.settings.timeout_ms + 999) / 1000 + 1};
  };
  const auto add = [&](method verb, std::string path, std::string summary, http::handler handle) {
    routes.push_back(http::raw_route(verb, std::move(path), open(std::move(summary)), std::move(handle)));
  };
  const auto is_ready = [&p] { return p.models.ready() && (!p.ready || p.ready()); };
  add(method::get, "/v2", "Server metadata", [&p](context&) -> asio::awaitable<result<response>> {
    co_return answered(boost::json::serialize(boost::json::object{
        {"name", "pricing-ml"}, {"version", p.version}, {"extensions", boost::json::array{"model_repository"}}}));
  });
  add(method::get, "/v2/health/live", "Liveness", [is_ready](context&) { return server_state(true, true); });
  add(method::get, "/v2/health/ready", "Readiness", [is_ready](context&) { return server_state(true, is_ready()); });
  for (const std::string at : {"/v2/models/{model}", "/v2/models/{model}/versions/{version}"}) {
    add(method::get, at, "Model metadata", protocol(service, "prediction.read", describe_model));
    add(method::get, at + "/ready", "Model readiness", protocol(service, "prediction.read", model_ready));
    add(method::post, at + "/infer", "Inference",
        protocol(service, "prediction.read", [](inference_service& s, context& c, organization_id organization) {
          return s.infer(organization, c.request, c.request.path_param("version"), parse_infer, infer_json);
        }));
  }
  add(method::post, "/v2/repository/index", "Models and their state",
      protocol(service, "prediction.read", repository_index));
  for (const bool loaded : {true, false})
    add(method::post, std::string("/v2/repository/models/{model}/") + (loaded ? "load" : "unload"),
        loaded ? "Take a model into memory" : "Release a model",
        protocol(service, "model.manage", [loaded](inference_service& s, context& c, organization_id organization) {
          return change_loaded(s, c, organization, loaded);
        }));
}

} // namespace

std::vector<http::route> inference_routes(inference_parts parts, std::shared_ptr<callers> known) {
  const auto service = std::make_shared<inference_service>(std::move(parts), std::move(known));
  const auto& settings = service->parts().settings;
  std::vector<http::route> routes;
  add_protocol(routes, service);
  routes.push_back(
      http::raw_route(method::post, "/api/v1/predict/{model}",
                      {.summary = "Predict one row ({\"features\": [1, 2]} or by name) or rows; ?version= pins one",
                       .permission = "prediction.read",
                       .rate_class = "ml",
                       .body_max = settings.body_max,
                       .timeout_s = (settings.timeout_ms + 999) / 1000 + 1},
                      [service](context& c) {
                        return service->infer(c.organization(), c.request, c.request.query_param("version"),
                                              parse_predict, predict_json);
                      }));
  return routes;
}

} // namespace pricing::serving
