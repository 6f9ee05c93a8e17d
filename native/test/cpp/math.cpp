/** The row mathematics that CPU and CUDA share, in scalar double, against derivatives by central differences. */
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "../../src/math/gradients.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

namespace {

using M = lilaw::Scalar<double>;
using Row = std::vector<double>;

constexpr double kAlpha = 10;
constexpr double kBeta = 2;
constexpr double kDelta = 6;

struct Measured {
  lilaw::SoftmaxStats<M> stats;
  std::size_t top;
};

Measured measure(const Row& z, std::size_t label) {
  const std::size_t top = static_cast<std::size_t>(std::max_element(z.begin(), z.end()) - z.begin());
  lilaw::SoftmaxStats<M> stats{0, z[label] - z[top], 0};
  for (std::size_t k = 0; k < z.size(); k++) {
    stats.shifted_sum += z[k] - z[top];
    if (k != top) stats.rest += std::exp(z[k] - z[top]);
  }
  return {stats, top};
}

double objective(const Row& z, std::size_t label, const lilaw::SoftmaxLoss& kind) {
  const auto loss = lilaw::softmax_loss<M>(measure(z, label).stats, kind);
  return loss.loss * lilaw::row_weight<M>(loss.label_prob, loss.max_prob, kAlpha, kBeta, kDelta).total;
}

Row gradient(const Row& z, std::size_t label, const lilaw::SoftmaxLoss& kind) {
  const Measured row = measure(z, label);
  const auto loss = lilaw::softmax_loss<M>(row.stats, kind);
  const auto weight = lilaw::row_weight<M>(loss.label_prob, loss.max_prob, kAlpha, kBeta, kDelta);
  const auto by = lilaw::row_factors<M>(loss, weight, 1.0, {1, 0}, 1, true);
  const auto g = lilaw::softmax_gradient<M>(loss, by, row.stats.rest, row.top == label, kind);
  Row entries(z.size());
  for (std::size_t k = 0; k < z.size(); k++) entries[k] = g.scale * std::exp(z[k] - z[row.top]) + g.offset;
  entries[row.top] = g.at_top;
  entries[label] = g.at_label;
  return entries;
}

double difference(const std::function<double(const Row&)>& f, Row z, std::size_t k) {
  const double step = 1e-5;
  const double at = z[k];
  z[k] = at + step;
  const double above = f(z);
  z[k] = at - step;
  return (above - f(z)) / (2 * step);
}

}  // namespace

TEST_CASE("gradients of the softmax losses are their derivatives, and sum to 0") {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (const lilaw::SoftmaxLoss& kind : {lilaw::SoftmaxLoss{{LILAW_CROSS_ENTROPY, {}}, 7},
                                         {{LILAW_FOCAL, {2}}, 7},
                                         {{LILAW_FOCAL, {0.5}}, 7},
                                         {{LILAW_LABEL_SMOOTHING, {0.1}}, 7},
                                         {{LILAW_GENERALIZED_CROSS_ENTROPY, {0.7}}, 7},
                                         {{LILAW_SYMMETRIC_CROSS_ENTROPY, {0.1, 1, -4}}, 7}}) {
    for (int n = 0; n < 50; n++) {
      Row z(7);
      for (double& x : z) x = 2 * normal(random);
      const std::size_t label = random() % z.size();
      const Row g = gradient(z, label, kind);
      double sum = 0;
      for (std::size_t k = 0; k < z.size(); k++) {
        CHECK(g[k] == doctest::Approx(difference([&](const Row& at) { return objective(at, label, kind); }, z, k))
                          .epsilon(1e-6)
                          .scale(1));
        sum += g[k];
      }
      CHECK(std::fabs(sum) < 1e-13);
    }
  }
}

TEST_CASE("gradients of binary, regression and multi-label rows are their derivatives") {
  const auto weighted = [](const lilaw::RowLoss<M>& loss) {
    return loss.loss * lilaw::row_weight<M>(loss.label_prob, loss.max_prob, kAlpha, kBeta, kDelta).total;
  };
  const auto factors = [](const lilaw::RowLoss<M>& loss) {
    const auto weight = lilaw::row_weight<M>(loss.label_prob, loss.max_prob, kAlpha, kBeta, kDelta);
    return lilaw::row_factors<M>(loss, weight, 1.0, {1, 0}, 1, true);
  };
  for (const double z : {-3.0, -0.4, 0.3, 2.0}) {
    for (const double side : {-1.0, 1.0}) {
      const auto f = [&](const Row& at) { return weighted(lilaw::binary_loss<M>(at[0], side)); };
      const auto by = factors(lilaw::binary_loss<M>(z, side));
      CHECK(lilaw::binary_gradient<M>(z, side, by) == doctest::Approx(difference(f, {z}, 0)).epsilon(1e-7));
    }
    const auto f = [&](const Row& at) { return weighted(lilaw::regression_loss<M>(at[0], 1.5, 4)); };
    const auto by = factors(lilaw::regression_loss<M>(z, 1.5, 4));
    CHECK(lilaw::regression_gradient<M>(z, 1.5, 4, by) == doctest::Approx(difference(f, {z}, 0)).epsilon(1e-7));
  }
  const Row labels = {1, 0, 1, 0};
  const Row tops = {1, 1, 0, 0};
  const Row z = {2, 1, -1, -2};
  const auto loss_of = [&](const Row& at) {
    lilaw::MultiLabelStats<M> stats{0, 0, 0, 2};
    for (std::size_t k = 0; k < at.size(); k++) {
      const double p = lilaw::sigmoids<M>(at[k]).of;
      stats.loss_sum += lilaw::softplus<M>(labels[k] > 0 ? -at[k] : at[k]);
      stats.label_prob_sum += labels[k] * p;
      stats.top_prob_sum += tops[k] * p;
    }
    return lilaw::multi_label_loss<M>(stats, 4);
  };
  const auto by = lilaw::multi_label_gradient<M>(factors(loss_of(z)), 2, 4);
  for (std::size_t k = 0; k < z.size(); k++) {
    const auto f = [&](const Row& at) { return weighted(loss_of(at)); };
    CHECK(lilaw::multi_label_entry<M>(z[k], labels[k], tops[k], by) ==
          doctest::Approx(difference(f, z, k)).epsilon(1e-7));
  }
}

TEST_CASE("the derivatives of the weight by the scalars") {
  const double step = 1e-6;
  const double u = 0.3;
  const double v = 0.6;
  const auto w = lilaw::row_weight<M>(u, v, kAlpha, kBeta, kDelta);
  const auto total = [&](double a, double b, double d) { return lilaw::row_weight<M>(u, v, a, b, d).total; };
  CHECK(w.by_alpha == doctest::Approx((total(kAlpha + step, kBeta, kDelta) - w.total) / step).epsilon(1e-4));
  CHECK(w.by_beta == doctest::Approx((total(kAlpha, kBeta + step, kDelta) - w.total) / step).epsilon(1e-4));
  CHECK(w.by_delta == doctest::Approx((total(kAlpha, kBeta, kDelta + step) - w.total) / step).epsilon(1e-4));
}

TEST_CASE("parts of a row merge into the row in any order, the lowest index first on ties") {
  const Row z = {0.5, 3, -1, 3, 2, 3};
  const Measured whole = measure(z, 0);
  std::vector<std::int32_t> order = {0, 1, 2, 3, 4, 5};
  do {
    auto part = lilaw::partial_softmax<double>(z[static_cast<std::size_t>(order[0])], order[0]);
    for (std::size_t i = 1; i < order.size(); i++) {
      part = lilaw::merge(part, lilaw::partial_softmax<double>(z[static_cast<std::size_t>(order[i])], order[i]));
    }
    CHECK(part.max == 3);
    CHECK(part.top == 1);
    CHECK(part.rest == doctest::Approx(whole.stats.rest).epsilon(1e-14));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("confident rows keep their digits") {
  // 1 - u = 1e-20 and less: the loss and both gradients are of that size, not 0.
  for (const double rest : {1e-7, 1e-20, 1e-300}) {
    const lilaw::SoftmaxStats<M> stats{rest, 0, 0};
    const lilaw::SoftmaxLoss kind{{LILAW_CROSS_ENTROPY, {}}, 2};
    const auto loss = lilaw::softmax_loss<M>(stats, kind);
    CHECK(loss.loss == doctest::Approx(std::log1p(rest)).epsilon(1e-14));
    const auto weight = lilaw::row_weight<M>(loss.label_prob, loss.max_prob, kAlpha, kBeta, kDelta);
    const auto by = lilaw::row_factors<M>(loss, weight, 1.0, {1, 0}, 1, false);
    const auto g = lilaw::softmax_gradient<M>(loss, by, rest, true, kind);
    CHECK(g.at_label == doctest::Approx(-weight.total * rest / (1 + rest)).epsilon(1e-14));
  }
}
