// What is served from memory: renewed when told, never half, the old kept when the new is broken.
#include "forest/gpu_library.hpp"
#include "sample_models.hpp"
#include "serving/registry.hpp"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <fstream>

using namespace pricing;
using namespace pricing::serving;
using namespace std::chrono_literals;

namespace {

class catalog_test : public testing::Test {
 protected:
  std::unique_ptr<catalog> make() {
    auto out = std::make_unique<catalog>([url = server.app_url()] { return std::make_unique<postgres::session>(url); },
                                         objects, signer, settings, counted, 100ms);
    EXPECT_TRUE(test::eventually([&] { return out->ready(); }));
    return out;
  }
  int add(double low, double high, const std::string& name = "steel") {
    return test::add_version(session, objects, signer, organization, name, test::step_model(low, high));
  }
  void promote(int version) { serving::promote(session, organization, "steel", version, {}).value(); }
  int current(const catalog& c) const {
    const auto model = c.find(organization, "steel");
    return model && model->current ? model->current->about.version : 0;
  }
  static float answer(const served_version& v, float a) {
    inference_request r{.rows = 1, .columns = 2, .values = {a, 0}};
    return infer(v, r).value().predict.at(0);
  }

  test::postgres_server& server = test::postgres_server::instance();
  postgres::session session{server.app_url()};
  const organization_id organization = server.new_organization();
  test::temporary_folder folder;
  storage::folder_store objects{folder.path};
  const manifest_signer signer{std::string(32, 's')};
  config settings;
  prometheus::Registry registry;
  metrics counted{registry};
};

TEST_F(catalog_test, serves_from_the_processor_where_no_gpu_can_help) {
  add(1, 2);
  promote(1);
  // None there, no library, and none wanted.
  const auto text = (folder.path / "library.so").string();
  std::ofstream(text) << "no library";
  for (const std::string library : {"/nonexistent/libpricing_forest_gpu.so", text.c_str(), ""}) {
    settings.gpu_library = library;
    EXPECT_EQ(find_gpu(settings), nullptr);
    const auto c = make();
    ASSERT_EQ(current(*c), 1);
    EXPECT_EQ(answer(*c->find(organization, "steel")->current, 0.4F), 1);
  }
}

TEST_F(catalog_test, keeps_the_processor_where_the_device_refuses_the_model) {
  // As a library answers where there is no device.
  forest::gpu::library refusing;
  refusing.layout = forest::gpu::layout_now;
  refusing.open = [](const forest::gpu::model&, void**, char*) -> const char* { return "no device"; };
  refusing.close = [](void*) {};
  auto trees = load_trees(test::step_model(1, 2), 1 << 20).value();
  use_gpu(trees, &refusing, settings, "steel");
  const served_version v(manifest{}, std::move(trees));
  EXPECT_EQ(answer(v, 0.4F), 1);
}

TEST_F(catalog_test, serves_what_is_promoted_and_goes_back_at_once) {
  add(1, 2), add(10, 20), add(100, 200);
  promote(1);
  const auto c = make();
  ASSERT_EQ(current(*c), 1);
  const auto held = c->find(organization, "steel")->current;
  EXPECT_EQ(answer(*held, 0.4F), 1);
  promote(2);
  ASSERT_TRUE(test::eventually([&] { return current(*c) == 2; }));
  EXPECT_EQ(answer(*c->find(organization, "steel")->current, 0.6F), 20);
  EXPECT_EQ(answer(*held, 0.6F), 2); // whoever holds the old one goes on with it
  promote(3);
  ASSERT_TRUE(test::eventually([&] { return current(*c) == 3; }));
  EXPECT_TRUE(c->find(organization, "steel")->versions.contains(2)); // ready to roll back to
  EXPECT_EQ(roll_back(session, organization, "steel").value().current_version, 2);
  ASSERT_TRUE(test::eventually([&] { return current(*c) == 2; }));
  EXPECT_EQ(roll_back(session, organization, "steel").value().current_version, 1);
  EXPECT_EQ(roll_back(session, organization, "steel").error().code, errc::conflict);
}

TEST_F(catalog_test, keeps_the_old_version_when_the_new_one_is_not_what_was_signed) {
  add(1, 2);
  promote(1);
  const auto c = make();
  add(10, 20);
  const auto key = storage::content_key("models", test::step_model(10, 20));
  objects.put(key, test::step_model(66, 66)).value();
  promote(2);
  ASSERT_TRUE(test::eventually([&] { return !c->find(organization, "steel")->failure.empty(); }));
  EXPECT_NE(c->find(organization, "steel")->failure.find("not the one of its manifest"), std::string::npos);
  EXPECT_EQ(current(*c), 1);
  objects.put(key, test::step_model(10, 20)).value(); // repaired: taken up without being told again
  EXPECT_TRUE(test::eventually([&] { return current(*c) == 2 && c->find(organization, "steel")->failure.empty(); }));
}

TEST_F(catalog_test, does_not_serve_a_manifest_of_another_signer) {
  const manifest_signer stranger{std::string(32, 't')};
  test::add_version(session, objects, stranger, organization, "steel", test::step_model(1, 2));
  promote(1);
  const auto c = make();
  const auto model = c->find(organization, "steel");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->current, nullptr);
  EXPECT_NE(model->failure.find("not signed"), std::string::npos);
}

TEST_F(catalog_test, keeps_organizations_apart) {
  add(1, 2);
  promote(1);
  const auto c = make();
  const auto other = server.new_organization();
  EXPECT_TRUE(c->find(organization, "steel"));
  EXPECT_FALSE(c->find(other, "steel"));
  EXPECT_EQ(serving::promote(session, other, "steel", 1, {}).error().code, errc::not_found);
  EXPECT_EQ(roll_back(session, other, "steel").error().code, errc::conflict);
}

TEST_F(catalog_test, splits_by_key_the_same_way_every_time) {
  add(1, 2), add(10, 20);
  promote(1);
  session.begin(organization);
  session.execute("update served_models set challenger_version = 2, challenger_share = 0.3");
  session.commit();
  const auto c = make();
  const auto model = c->find(organization, "steel");
  int challenged = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto key = "customer " + std::to_string(i);
    const auto& picked = model->pick(key);
    challenged += picked == model->challenger ? 1 : 0;
    ASSERT_EQ(picked, model->pick(key));
  }
  EXPECT_NEAR(challenged, 3'000, 200);
}

TEST_F(catalog_test, a_shadow_is_compared_and_counted) {
  add(1, 2), add(1, 3);
  const auto c = std::make_shared<comparison>(1, 2);
  const auto version = [&](double high) {
    return std::make_shared<const served_version>(manifest{.name = "steel"},
                                                  load_trees(test::step_model(1, high), 1 << 20).value());
  };
  {
    shadow_queue queue(10, counted);
    inference_request r{.rows = 2, .columns = 2, .values = {0, 0, 1, 0}};
    queue.add({version(3), c, r, {1, 2}});
    inference_request other{.rows = 1, .columns = 5, .values = {0, 0, 0, 0, 0}};
    queue.add({version(3), c, other, {1}});
    EXPECT_TRUE(test::eventually([&] { return c->figures().rows == 2 && c->figures().failed == 1; }));
  }
  EXPECT_EQ(c->figures().differing, 1);
  EXPECT_DOUBLE_EQ(c->figures().max_difference, 1);
  EXPECT_DOUBLE_EQ(c->figures().mean_difference, 0.5);
}

TEST_F(catalog_test, the_gate_keeps_out_what_beats_no_baseline) {
  const promotion_gate gate{"mdape", false};
  const auto add_with = [&](const char* metadata) {
    return test::add_version(session, objects, signer, organization, "steel", test::step_model(1, 2),
                             metadata ? boost::json::parse(metadata).as_object() : boost::json::object());
  };
  const auto refused = [&](int version) {
    const auto r = serving::promote(session, organization, "steel", version, gate);
    EXPECT_FALSE(r);
    return r ? "" : r.error().message;
  };
  EXPECT_NE(refused(add_with(nullptr)).find("has no metrics.mdape"), std::string::npos);
  EXPECT_NE(refused(add_with(R"({"metrics":{"mdape":0.2}})")).find("names no baselines"), std::string::npos);
  EXPECT_NE(refused(add_with(R"({"metrics":{"mdape":0.2},"baselines":{"a":{"mdape":0.3},"b":{"mdape":0.2}}})"))
                .find("no better than"),
            std::string::npos);
  const int good = add_with(R"({"metrics":{"mdape":0.2},"baselines":{"a":{"mdape":0.3}}})");
  EXPECT_EQ(serving::promote(session, organization, "steel", good, gate).value().current_version, good);
}

TEST(manifest_signer, vouches_for_exactly_what_it_signed) {
  const manifest_signer signer{std::string(32, 's')}, other{std::string(32, 't')};
  const auto signature = signer.sign("{}");
  EXPECT_TRUE(signer.verify("{}", signature));
  EXPECT_FALSE(signer.verify("{ }", signature));
  EXPECT_FALSE(other.verify("{}", signature));
  EXPECT_FALSE(signer.verify("{}", signature.substr(1)));
  EXPECT_EQ(signer.public_key().size(), 64U);
}

} // namespace
