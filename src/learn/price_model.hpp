#pragma once
// Expected unit prices with intervals. Target: log price relative to the item's own adjusted benchmark, so that one
// boosted-tree model serves every item; an unknown item starts from its nearest items by words.
// Use:  market_view view(history);  auto model = train(view, {...});  model.predict(view, event, lines, {...}).
// Prediction reads only observations dated before event.on. Thread-safe for readers. Errors: invalid_input when there
// is too little history to train or the bytes are no model of this version.
#include "core/error.hpp"
#include "learn/market_view.hpp"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::learn {

namespace detail {
struct model_parts;
}

enum class prediction_source : std::uint8_t { none, benchmark, model };

// Plain groups in which the model explains itself, in this order.
inline constexpr std::size_t reason_groups = 6;
struct reason_group {
  const char* name;  // stable, snake_case
  const char* label; // for people
};
inline constexpr std::array<reason_group, reason_groups> reason_names{{
    {"recent_prices", "Recent prices for this item"},
    {"quantity", "Quantity"},
    {"market", "Market since then"},
    {"season", "Season"},
    {"project", "Project size and place"},
    {"category", "Description and category"},
}};

struct prediction {
  prediction_source source = prediction_source::none;
  double expected = 0;       // median of the bids, money per unit
  double expected_low = 0;   // price of the event's lowest bidder
  double expected_total = 0; // share of the line in an unbiased total: use for sums over a proposal
  double low90 = 0, low50 = 0, high50 = 0, high90 = 0; // for the price of one bidder
  double effective_n = 0;                              // weight of the earlier lines behind it
  std::uint32_t bids = 0;                              // earlier bids on the same item looked at
  std::int32_t newest_day = 0;                         // of the newest line used; 0 when none
  double base = 0;                                     // expected = base · exp(sum of reasons)
  std::array<float, reason_groups> reasons{};          // log contributions; all zero when not asked for
  double log_scale = 0;                                // log of the predicted scale of |log residual|
  std::uint32_t band = 0;                              // score table of the model that applies
};

struct predict_options {
  bool intervals = true;
  bool reasons = false;
};

struct train_options {
  std::chrono::sys_days until; // nothing on or after this day is used
  int rounds = 110;            // trees of the winner head; the median head has half as many again
  int depth = 7;
  int threads = 2;
  double learning_rate = 0.12;
  int calibration_days = 365;     // latest window for the intervals
  std::size_t rows_max = 260'000; // newest lines beyond it are left out
  std::uint64_t seed = 1;
};

// What the trees see of a line, in their order. Name and kind together are unique.
struct model_feature {
  std::string name;
  std::string kind; // the reason group that it belongs to
};
std::vector<model_feature> model_features();

class price_model {
 public:
  price_model();
  price_model(price_model&&) noexcept;
  price_model& operator=(price_model&&) noexcept;
  ~price_model();

  std::chrono::sys_days trained_until() const;
  std::size_t trained_lines() const;

  // One event's lines at once: share of a line and size of the project come from all of them. Results in order.
  // A line without any comparable price has source none.
  std::vector<prediction> predict(const market_view& view, const query_event& event, std::span<const query_line> lines,
                                  const predict_options& options = {}) const;

  // Share of comparable bids at least (upper) or at most (lower) as far out as this price: (1 + #)/(n + 1), weighted.
  // nullopt when the prediction has no source or n is too small to say (n < 19).
  struct tail {
    double upper = 0;
    double lower = 0;
    double n = 0;
  };
  std::optional<tail> tail_probability(const prediction& p, double price) const;

  std::string save() const;
  static result<price_model> load(std::string_view bytes);

 private:
  friend struct model_access; // training and evaluation
  std::unique_ptr<detail::model_parts> parts_;
};

result<price_model> train(const market_view& view, const train_options& options);

} // namespace pricing::learn
