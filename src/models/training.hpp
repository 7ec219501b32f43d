#pragma once
// From the observed prices of one organization to a model in use: evaluate on the newest year, which the model has not
// seen, then train on everything, store, and promote if it beats simpler ways to guess. Blocking.
#include "core/ids.hpp"
#include "learn/evaluate.hpp"
#include "postgres/session.hpp"
#include "storage/object_store.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <string>

namespace pricing::models {

struct training_report {
  std::string version;      // "2026-11-24.1": day and number
  bool promoted = false;    // else kept as rejected: it did not beat the last price and the trailing median
  learn::evaluation tested; // on the newest year, trained only on what was before
  std::size_t lines = 0;    // learned from
  double train_s = 0;
};

// What happens now, and how far along all of it is (0 … 1).
using training_progress = std::function<void(std::string_view step, double share)>;

// invalid_input when there are too few prices to learn from or to test on; the message says what is missing. Trainings
// of one organization may overlap: each gets its own version, and the last to end is in use.
result<training_report> train_model(postgres::session& database, storage::object_store& objects,
                                    organization_id organization, const training_progress& progress = {});

struct evaluation_request {
  date from;                 // test lines of this day and later
  std::optional<date> until; // and before this one; default: all
  int retrain_months = 0;    // 0: trained once, before `from`
};
// Nothing is stored. Errors as above.
result<learn::evaluation> evaluate_history(postgres::session& database, organization_id organization,
                                           const evaluation_request& request);

// The figures kept with a model: <measure>_<who> for who in ours, estimate, last_price, trailing_median and
// kernel_median (shares; estimate only where the buyer has own estimates), those of the intervals, and of the
// categories with the most bids, at most ten: categories[] of name, lines, mdape (to the lowest bid) and coverage (of
// 90 %).
boost::json::object to_metrics(const learn::evaluation& e);

} // namespace pricing::models
