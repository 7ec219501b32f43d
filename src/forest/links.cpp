#include "forest/links.hpp"

#include <algorithm>
#include <cmath>

namespace pricing::forest {
namespace {

float sigmoid(float x) {
  constexpr float epsilon = 1e-16F; // as XGBoost, so that the denominator is never exactly 1
  const float denominator = std::exp(std::min(-x, 88.7F)) + 1.0F + epsilon;
  return 1.0F / denominator;
}

void softmax(const float* in, std::size_t n, float* out) {
  const float largest = *std::max_element(in, in + n);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = std::exp(in[i] - largest);
    sum += out[i];
  }
  for (std::size_t i = 0; i < n; ++i) {
    out[i] /= static_cast<float>(sum);
  }
}

float one(const ensemble& e, float x) {
  switch (e.output) {
  case link::sigmoid:
    return sigmoid(e.sigmoid_scale * x);
  case link::exponential:
    return std::exp(x);
  case link::step:
    return x > 0 ? 1.0F : 0.0F;
  case link::log1p_exp:
    return std::log1p(std::exp(x));
  case link::signed_square:
    return x * std::abs(x);
  default:
    return x;
  }
}

} // namespace

std::size_t outputs(const ensemble& e) {
  return e.output == link::largest_class ? 1 : e.groups;
}

void apply_link(const ensemble& e, const float* margins, std::size_t count, float* out) {
  if (e.output == link::softmax) {
    for (std::size_t i = 0; i < count; ++i) {
      softmax(margins + i * e.groups, e.groups, out + i * e.groups);
    }
  } else if (e.output == link::largest_class) {
    for (std::size_t i = 0; i < count; ++i) {
      const float* row = margins + i * e.groups;
      out[i] = static_cast<float>(std::max_element(row, row + e.groups) - row);
    }
  } else if (e.output != link::identity || out != margins) {
    for (std::size_t i = 0; i < count * e.groups; ++i) {
      out[i] = one(e, margins[i]);
    }
  }
}

} // namespace pricing::forest
