/** Compares the kernels, which the shim runs on the host, with a plain reference in long double. */
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "../../src/cuda/launch_policy.h"
#include "problem.h"

namespace {

using Real = long double;

/** Tolerance of float32 results. Gradients of 16 bits add the error of their rounding. */
constexpr Real kUnit = 1.1920928955078125e-07L;
constexpr Real kUnits = 4;

Real sigmoid(Real x) { return 1 / (1 + std::exp(-x)); }
Real softplus(Real x) { return std::max(x, Real(0)) + std::log1p(std::exp(-std::abs(x))); }

/** The reference of a row: loss, u, v, and their gradients on the logits, entry by entry. */
struct Row {
  Real loss, u, v;
  std::int64_t top;
  bool weighted = true;
  std::vector<Real> by_loss, by_u, by_v;
  /** With a transition matrix: see softmax_row. */
  std::vector<Real> terms;
  Real factor = 1;
};

/** The probability of the observed label, from small numbers of one sign. */
struct LabelProb {
  Real u, others, minus_log;
};

/** A loss f(u), and -f'(u) u. */
struct OfLabelProb {
  Real loss, factor;
};

OfLabelProb loss_of_label_prob(const LabelProb& p, const lilaw_loss& loss) {
  const double* by = loss.parameters;
  switch (loss.kind) {
    case LILAW_FOCAL:
      if (p.others == 0 && by[0] > 0) return {0, 0};
      return {std::pow(p.others, Real(by[0])) * p.minus_log,
              std::pow(p.others, Real(by[0])) + by[0] * p.u * std::pow(p.others, Real(by[0]) - 1) * p.minus_log};
    case LILAW_GENERALIZED_CROSS_ENTROPY:
      return {-std::expm1(-by[0] * p.minus_log) / by[0], std::exp(-by[0] * p.minus_log)};
    case LILAW_SYMMETRIC_CROSS_ENTROPY:
      return {by[0] * p.minus_log - by[1] * by[2] * p.others, by[0] - by[1] * by[2] * p.u};
    case LILAW_MEAN_ABSOLUTE_ERROR:
      return {2 * p.others, 2 * p.u};
    case LILAW_CROSS_ENTROPY:
      return {p.minus_log, 1};
    default:
      FAIL("Expected a loss of u but received " << loss.kind);
      return {};
  }
}

/**
 * Without a transition matrix, every T_k is 0 except that of the label. With one, `terms` are the sizes of the two
 * numbers whose difference is an entry of the gradient of -log u.
 */
template <class T>
Row softmax_row(Problem<T>& p, std::int64_t i) {
  const auto classes = static_cast<std::size_t>(p.classes);
  const auto y = static_cast<std::size_t>(p.labels[static_cast<std::size_t>(i)]);
  std::vector<Real> z(classes), s(classes), t(classes);
  for (std::size_t k = 0; k < classes; k++) {
    z[k] = p.logit(i, static_cast<std::int64_t>(k));
    t[k] = p.transition.empty() ? Real(k == y) : Real(p.transition[y * static_cast<std::size_t>(p.transition_stride) + k]);
  }
  const auto top = static_cast<std::size_t>(std::max_element(z.begin(), z.end()) - z.begin());
  Real sum = 0;
  Real rest = 0;
  for (std::size_t k = 0; k < classes; k++) {
    s[k] = std::exp(z[k] - z[top]);
    sum += s[k];
    if (k != top) rest += s[k];
  }
  for (auto& x : s) x /= sum;

  LabelProb prob = {0, 0, 0};
  Real top_apart = 0;
  for (std::size_t k = 0; k < classes; k++) {
    prob.u += s[k] * t[k];
    prob.others += s[k] * (1 - t[k]);
    top_apart += s[k] * (t[k] - t[top]);
  }
  // A long double holds exponentials far below the range of a float.
  prob.minus_log = prob.u > 0.5L ? -std::log1p(-prob.others) : -std::log(prob.u);
  const auto of = p.loss.kind == LILAW_LABEL_SMOOTHING ? OfLabelProb{0, 1} : loss_of_label_prob(prob, p.loss);
  const Real smoothing = p.loss.kind == LILAW_LABEL_SMOOTHING ? p.loss.parameters[0] : 0;
  Row row = {of.loss, prob.u, s[top], static_cast<std::int64_t>(top), true, {}, {}, {}, {}, of.factor};
  if (smoothing > 0) {
    Real shifted = 0;
    for (const Real x : z) shifted += x - z[top];
    row.loss = std::log1p(rest) - (1 - smoothing) * (z[y] - z[top]) - smoothing / p.classes * shifted;
  }
  for (std::size_t k = 0; k < classes; k++) {
    // s - P with P = s T / u, without subtracting numbers near 1.
    const Real from_label = s[k] / prob.u * (k == top ? top_apart : prob.u - t[k]);
    const Real from_top = k == top ? -rest / sum : s[k];
    row.by_loss.push_back(of.factor * from_label + smoothing * ((k == y) - Real(1) / p.classes));
    row.by_u.push_back(-prob.u * from_label);
    row.by_v.push_back(-s[top] * from_top);
    row.terms.push_back(p.transition.empty() ? 0 : s[k] + s[k] * t[k] / prob.u);
  }
  return row;
}

template <class T>
Row multi_label_row(Problem<T>& p, std::int64_t i) {
  const auto classes = static_cast<std::size_t>(p.classes);
  const std::uint8_t* y = &p.observed[static_cast<std::size_t>(i * p.stride)];
  std::vector<std::size_t> order(classes);
  std::iota(order.begin(), order.end(), 0);
  const auto z = [&](std::size_t k) { return static_cast<Real>(p.logit(i, static_cast<std::int64_t>(k))); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return z(a) > z(b); });
  const Real observed = std::accumulate(y, y + classes, 0);
  const Real share = observed > 0 ? 1 / observed : 0;
  Row row = {0, 0, 0, static_cast<std::int64_t>(order[0]), observed > 0, {}, {}, std::vector<Real>(classes), {}, 1};
  for (std::size_t k = 0; k < classes; k++) {
    const Real side = y[k] != 0 ? 1 : -1;
    const Real slope = sigmoid(z(k)) * sigmoid(-z(k));
    row.loss += softplus(-side * z(k)) / p.classes;
    row.u += y[k] * share * sigmoid(z(k));
    row.by_loss.push_back(-side * sigmoid(-side * z(k)) / p.classes);
    row.by_u.push_back(y[k] * share * slope);
  }
  for (std::size_t n = 0; n < observed; n++) {
    const std::size_t k = order[n];
    row.v += share * sigmoid(z(k));
    row.by_v[k] = share * sigmoid(z(k)) * sigmoid(-z(k));
  }
  return row;
}

template <class T>
Row single_row(Problem<T>& p, std::int64_t i) {
  const Real z = p.logit(i, 0);
  if (p.loss.kind == LILAW_REGRESSION) {
    const Real target = p.targets[static_cast<std::size_t>(i)];
    const Real range = p.loss.parameters[0];
    return {(z - target) * (z - target), z / range, target / range, 0, true, {2 * (z - target)}, {1 / range}, {0}, {}, 1};
  }
  const Real side = p.labels[static_cast<std::size_t>(i)] == 1 ? 1 : -1;
  const Real slope = sigmoid(z) * sigmoid(-z);
  return {softplus(-side * z), sigmoid(side * z), sigmoid(std::abs(z)), z > 0, true,
          {-side * sigmoid(-side * z)}, {side * slope}, {z > 0 ? slope : -slope}, {}, 1};
}

template <class T>
Row measure(Problem<T>& p, std::int64_t i) {
  if (has_one_logit(p.loss)) return single_row(p, i);
  return p.loss.kind == LILAW_MULTI_LABEL ? multi_label_row(p, i) : softmax_row(p, i);
}

struct Weight {
  Real alpha, beta, delta, total, by_u, by_v, by_alpha, by_beta, by_delta;
};

Weight weigh(const Row& row, const lilaw_params& p) {
  if (!row.weighted) return {0, 0, 0, 1, 0, 0, 0, 0, 0};
  const Real a = p.alpha * row.u - row.v;
  const Real b = p.beta * row.u - row.v;
  const Real d = p.delta * row.u - row.v;
  const Real pa = sigmoid(a) * sigmoid(-a);
  const Real pb = sigmoid(b) * sigmoid(-b);
  const Real bell = std::exp(-d * d / 2);
  const Real pd = d * bell;
  return {sigmoid(a), sigmoid(-b), bell, sigmoid(a) + sigmoid(-b) + bell,
          p.alpha * pa - p.beta * pb - p.delta * pd, -pa + pb + pd, pa * row.u, -pb * row.u, -pd * row.u};
}

/** The largest error of a result that is not rounded to 16 bits, as a share of its tolerance, over all tests. */
Real worst_share = 0;

/** `rounding` is the error that storing the result may add. */
void close(Real actual, Real expected, Real tolerance, Real rounding = 0) {
  const Real error = std::abs(actual - expected);
  if (error == 0) return;
  if (rounding == 0) worst_share = std::max(worst_share, error / tolerance);
  // REQUIRE would be too slow for millions of numbers. A NaN is not within a tolerance.
  if (!(error <= tolerance + rounding)) {
    CAPTURE(static_cast<double>(actual));
    CAPTURE(static_cast<double>(expected));
    FAIL("off by " << static_cast<double>(error) << ", more than " << static_cast<double>(tolerance + rounding));
  }
}

void near(Real actual, Real expected, Real size, Real units = kUnits) {
  close(actual, expected, units * kUnit * size);
}

template <class T>
Real rounding(Real x) {
  if (sizeof(T) == 4) return 0;
  return Dtype<T>::kName == LILAW_FLOAT16 ? std::abs(x) / 2047 + 3e-8L : std::abs(x) / 255;
}

/** (1 - u)^gamma has gamma times the relative error of 1 - u, which for 16-bit logits is that of exp2f on a device. */
template <class T>
Real loss_units(const lilaw_loss& loss) {
  return loss.kind == LILAW_FOCAL && sizeof(T) < 4 ? kUnits * (1 + loss.parameters[0]) : kUnits;
}

/** All outputs of all three operations of a problem against the reference. */
template <class T>
void check(Problem<T>& p, lilaw_gradient_mode mode, bool in_place) {
  CAPTURE(p.loss.kind);
  CAPTURE(p.rows);
  CAPTURE(p.classes);
  CAPTURE(p.stride);
  const Real units = loss_units<T>(p.loss);
  Problem<T> original = p;
  // Sizes below which a number may have no correct digits. With a transition matrix the logits are so far apart that
  // exponentials below 2^-126, which count as 0, are among the results.
  const Real least = p.transition.empty() ? 1e-36L : 1e-30L;
  lilaw_alignment_weights_result aligned;
  REQUIRE(p.alignment_weights(aligned) == LILAW_OK);
  lilaw_weighted_loss_result result;
  REQUIRE(p.weighted_loss(result, in_place, mode) == LILAW_OK);
  REQUIRE(result.non_finite_rows == 0);
  REQUIRE(result.invalid_labels == 0);
  Array<T>& grad = in_place ? p.logits : p.grad;

  Real objective = 0;
  Real sizes = 0;
  Real positive = 0;
  lilaw_params sums = {};
  for (std::int64_t i = 0; i < p.rows; i++) {
    const auto at = static_cast<std::size_t>(i);
    const Row row = measure(original, i);
    const Weight w = weigh(row, original.params);
    near(p.losses[at], row.loss, std::abs(row.loss) + least, units);
    near(p.label_probs[at], row.u, std::abs(row.u) + least);
    near(p.max_probs[at], row.v, std::abs(row.v) + least);
    near(p.weights[at], w.total, w.total);
    near(p.alpha[at], w.alpha, 1);
    near(p.beta[at], w.beta, 1);
    near(p.delta[at], w.delta, 1);
    REQUIRE(p.predictions[at] == row.top);
    objective += w.total * row.loss / p.rows;
    sizes += w.total * std::abs(row.loss) / p.rows;
    sums.alpha += static_cast<double>(row.loss * w.by_alpha / p.rows);
    sums.beta += static_cast<double>(row.loss * w.by_beta / p.rows);
    sums.delta += static_cast<double>(row.loss * w.by_delta / p.rows);

    const Real flow = mode == LILAW_FULL ? row.loss : 0;
    std::vector<Real> expected;
    // With label smoothing an entry is s - (1 - smoothing) - smoothing / C, which may be a small difference of these.
    const Real smoothing = p.loss.kind == LILAW_LABEL_SMOOTHING ? p.loss.parameters[0] : 0;
    Real largest = smoothing * w.total / p.rows + least;
    Real alignment = 0;
    Real products = least;
    const auto tangent_of = [&](std::int64_t k) -> Real {
      return Dtype<T>::get(p.tangents[at * static_cast<std::size_t>(p.stride) + static_cast<std::size_t>(k)]);
    };
    // With a transition matrix, an entry is a difference of the probabilities s and P.
    const Real by_terms = (w.total * row.factor + flow * std::abs(w.by_u) * row.u) / p.rows;
    const Real by_top = flow * std::abs(w.by_v) * row.v / p.rows;
    const auto terms_of = [&](std::size_t k) -> Real {
      return original.transition.empty() ? 0 : (by_terms + by_top) * row.terms[k];
    };
    for (std::size_t k = 0; k < static_cast<std::size_t>(p.classes); k++) {
      expected.push_back((w.total * row.by_loss[k] + flow * (w.by_u * row.by_u[k] + w.by_v * row.by_v[k])) / p.rows);
      largest = std::max(largest, std::abs(expected.back()));
      const Real tangent = tangent_of(static_cast<std::int64_t>(k));
      alignment += row.by_loss[k] * tangent;
      products += (std::abs(row.by_loss[k]) + smoothing) * std::abs(tangent);
      if (!original.transition.empty()) {
        products += row.factor * row.terms[k] * (std::abs(tangent) + std::abs(tangent_of(row.top)));
      }
    }
    near(p.alignments[at], alignment, products, units);
    positive += std::max(Real(0), Real(p.alignments[at]));
    for (std::size_t k = 0; k < static_cast<std::size_t>(p.stride); k++) {
      const Real actual = Dtype<T>::get(grad[at * static_cast<std::size_t>(p.stride) + k]);
      if (k < expected.size()) {
        close(actual, expected[k], units * kUnit * (largest + terms_of(k)), rounding<T>(expected[k]));
      } else {
        Array<T>& before = in_place ? original.logits : original.grad;
        REQUIRE(actual == Dtype<T>::get(before[at * static_cast<std::size_t>(p.stride) + k]));
      }
    }
  }
  near(result.objective, objective, sizes + least, units);
  for (std::size_t i = 0; i < p.alignments.size(); i++) {
    const Real expected = std::max(Real(0), Real(p.alignments[i])) / (positive > 0 ? positive : 1);
    // Alignments may be so small that float32 has only a few steps for them. The weights are computed from them before
    // rounding.
    const Real steps = std::ldexp(1.0L, -149) / (positive > 0 ? positive : 1);
    close(p.row_weights[i], expected, kUnits * kUnit * (expected + least) + steps);
  }

  lilaw_meta_gradient_result meta;
  REQUIRE(original.meta_step(meta) == LILAW_OK);
  near(result.gradient.alpha, meta.gradient.alpha, 1e-6L * sizes);
  near(result.gradient.beta, meta.gradient.beta, 1e-6L * sizes);
  near(result.gradient.delta, meta.gradient.delta, 1e-6L * sizes);
  near(meta.gradient.alpha, sums.alpha, sizes, units);
  near(meta.gradient.beta, sums.beta, sizes, units);
  near(meta.gradient.delta, sums.delta, sizes, units);
  REQUIRE(meta.objective == result.objective);
  REQUIRE(meta.moved == 1);
  near(original.params.alpha, 10 - 0.5 * (meta.gradient.alpha + 0.1 * 10), 1e-6L);
}

template <class T>
void check_shapes(std::mt19937& random, const lilaw_loss& loss) {
  for (const lilaw::cuda::Tile& tile : lilaw::cuda::kTiles) {
    // Long rows are slow here, and differ only in the number of their warps.
    if (tile.capacity() > 1024 && loss.kind != LILAW_CROSS_ENTROPY) continue;
    for (const int classes : {tile.capacity() / 2 + 1, tile.capacity(), tile.capacity() + 1}) {
      const std::int64_t rows = classes > 1024 ? 2 : 1 + random() % 40;
      const int padding = static_cast<int>(random() % 3);
      Problem<T> problem(rows, classes, loss, random, padding, static_cast<int>(random() % 2));
      check(problem, random() % 2 == 0 ? LILAW_FULL : LILAW_DETACHED, random() % 2 == 0);
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("every kernel against the reference", T, float, __half, __nv_bfloat16) {
  std::mt19937 random(20);
  for (const lilaw_loss& loss : every_loss()) {
    if (has_one_logit(loss)) {
      for (const int rows : {1, 127, 129, 1000}) {
        Problem<T> problem(rows, 1, loss, random, rows % 2);
        check(problem, LILAW_FULL, rows % 2 == 0);
      }
    } else {
      for (const int classes : {1, 2, 3, 10}) {
        Problem<T> problem(1 + random() % 300, classes, loss, random);
        check(problem, LILAW_FULL, false);
      }
      check_shapes<T>(random, loss);
    }
  }
  MESSAGE("largest share of the tolerance used: " << static_cast<double>(worst_share));
}

TEST_CASE_TEMPLATE("every loss of u under transition matrices", T, float, __half, __nv_bfloat16) {
  std::mt19937 random(21);
  worst_share = 0;
  std::vector<lilaw_loss> losses = every_loss();
  losses.push_back({LILAW_GENERALIZED_CROSS_ENTROPY, {1}});
  losses.push_back({LILAW_SYMMETRIC_CROSS_ENTROPY, {0, 1, -4}});
  losses.push_back({LILAW_FOCAL, {0.5}});
  const double widths[] = {1, 4, 12, 60, 400};
  for (const lilaw_loss& loss : losses) {
    if (!of_label_prob(loss)) continue;
    for (const char* name : kTransitions) {
      CAPTURE(name);
      for (const int classes : {1 + static_cast<int>(random() % 20), 127 + static_cast<int>(random() % 3)}) {
        const double width = widths[random() % 5];
        CAPTURE(width);
        Problem<T> problem(1 + random() % (classes > 100 ? 4 : 9), classes, loss, random, static_cast<int>(random() % 3),
                           static_cast<int>(random() % 2), width);
        problem.set_transition(transition_named(name, classes, random), static_cast<std::int64_t>(random() % 3));
        check(problem, random() % 2 == 0 ? LILAW_FULL : LILAW_DETACHED, random() % 2 == 0);
      }
    }
  }
  MESSAGE("largest share of the tolerance used: " << static_cast<double>(worst_share));
}

TEST_CASE("a long row under a transition matrix") {
  std::mt19937 random(22);
  for (const char* name : {"symmetric", "pair flip"}) {
    Problem<float> problem(2, 2500, {LILAW_CROSS_ENTROPY, {}}, random, 1);
    problem.set_transition(transition_named(name, problem.classes, random));
    check(problem, LILAW_FULL, true);
  }
}

TEST_CASE("a transition matrix that changes no label: as without, to rounding") {
  std::mt19937 random(23);
  for (const lilaw_loss& loss : every_loss()) {
    if (!of_label_prob(loss)) continue;
    Problem<float> plain(30, 23, loss, random, 0, 0, 20);
    Problem<float> under = plain;
    under.set_transition(transition_named("identity", 23, random));
    lilaw_weighted_loss_result result;
    REQUIRE(plain.weighted_loss(result) == LILAW_OK);
    REQUIRE(under.weighted_loss(result) == LILAW_OK);
    for (std::size_t i = 0; i < 30; i++) {
      near(under.losses[i], plain.losses[i], plain.losses[i] + 1e-36L, 2 * kUnits);
      near(under.label_probs[i], plain.label_probs[i], plain.label_probs[i] + 1e-36L, 2 * kUnits);
      REQUIRE(under.predictions[i] == plain.predictions[i]);
    }
  }
}

TEST_CASE("numbers of a transition matrix at the end of float32 keep their digits") {
  std::mt19937 random(24);
  for (const float least : {1e-20f, 1e-30f, 1e-37f, 1e-41f}) {
    for (const double width : {1.0, 12.0, 60.0}) {
      Problem<float> problem(20, 7, {LILAW_CROSS_ENTROPY, {}}, random, 0, 0, width);
      // Only the first label can come from a class with another probability.
      problem.set_transition(transition_of(7, [&](std::int64_t k, std::int64_t y) {
        return y == 0 ? 1.0 : (y + k) % 3 == 0 ? 0.0 : static_cast<double>(least);
      }));
      check(problem, LILAW_FULL, false);
    }
  }
}

TEST_CASE("a label that comes from no class: NaN, and no other row with it") {
  std::mt19937 random(25);
  for (const lilaw_loss& loss : every_loss()) {
    if (!of_label_prob(loss)) continue;
    Problem<float> problem(3, 5, loss, random);
    problem.labels = {0, 4, 1};
    problem.set_transition(transition_of(5, [](std::int64_t k, std::int64_t y) { return k % 4 == y ? 1.0 : 0.0; }));
    lilaw_weighted_loss_result result;
    lilaw_alignment_weights_result aligned;
    REQUIRE(problem.weighted_loss(result) == LILAW_OK);
    REQUIRE(problem.alignment_weights(aligned) == LILAW_OK);
    CHECK(std::isnan(result.objective));
    CHECK(aligned.non_finite_rows == 1);
    for (std::size_t i = 0; i < 3; i++) {
      CHECK(std::isnan(problem.losses[i]) == (i == 1));
      CHECK(std::isnan(problem.label_probs[i]) == (i == 1));
      CHECK(std::isnan(problem.alignments[i]) == (i == 1));
      for (std::size_t k = 0; k < 5; k++) CHECK(std::isnan(problem.grad[5 * i + k]) == (i == 1));
    }
  }
}

TEST_CASE("rows too long for registers are streamed") {
  std::mt19937 random(3);
  for (const int classes : {16385, 40000}) {
    Problem<float> problem(2, classes, {LILAW_CROSS_ENTROPY, 0}, random, 1);
    check(problem, LILAW_FULL, true);
  }
}

TEST_CASE("confident rows keep their digits") {
  std::mt19937 random(4);
  for (const double lead : {5.0, 9.2, 13.8, 16.1, 30.0}) {
    Problem<float> problem(64, 10, {LILAW_CROSS_ENTROPY, 0}, random);
    for (std::int64_t i = 0; i < problem.rows; i++) {
      const auto label = static_cast<std::size_t>(problem.labels[static_cast<std::size_t>(i)]);
      problem.logits[static_cast<std::size_t>(i * problem.stride) + label] = static_cast<float>(lead + 4);
    }
    check(problem, LILAW_FULL, false);
  }
}

TEST_CASE("ties go to the lowest class") {
  std::mt19937 random(5);
  for (const int classes : {2, 10, 100, 1000, 20000}) {
    for (const lilaw_loss& loss : {lilaw_loss{LILAW_CROSS_ENTROPY, {}}, lilaw_loss{LILAW_MULTI_LABEL, {}}}) {
      Problem<float> problem(3, classes, loss, random);
      for (std::size_t i = 0; i < problem.size(); i++) problem.logits[i] = std::round(problem.logits[i] / 2);
      check(problem, LILAW_FULL, false);
    }
  }
}

TEST_CASE("a bad row is NaN, counted, and touches no other") {
  std::mt19937 random(6);
  const float inf = std::numeric_limits<float>::infinity();
  const std::pair<int, bool> cases[] = {{3, false},    {10, false},    {100, false}, {1000, false},
                                        {3000, false}, {17000, false}, {3, true},    {300, true}};
  for (const auto& [classes, under] : cases) {
    for (const float bad : {inf, -inf, std::numeric_limits<float>::quiet_NaN()}) {
      Problem<float> problem(6, classes, {LILAW_CROSS_ENTROPY, 0}, random);
      if (under) problem.set_transition(transition_named("symmetric", classes, random));
      Problem<float> spoilt = problem;
      spoilt.logits[static_cast<std::size_t>(spoilt.stride + random() % 3)] = bad;
      spoilt.labels[3] = classes;
      spoilt.labels[4] = -1;
      lilaw_weighted_loss_result result;
      REQUIRE(problem.weighted_loss(result) == LILAW_OK);
      REQUIRE(spoilt.weighted_loss(result) == LILAW_OK);
      CHECK(result.non_finite_rows == 1);
      CHECK(result.invalid_labels == 2);
      CHECK(std::isnan(result.objective));
      for (std::size_t i = 0; i < 6; i++) {
        const bool is_bad = i == 1 || i == 3 || i == 4;
        REQUIRE(std::isnan(spoilt.losses[i]) == is_bad);
        REQUIRE(std::isnan(spoilt.weights[i]) == is_bad);
        REQUIRE((spoilt.predictions[i] == -1) == is_bad);
        for (std::size_t k = 0; k < static_cast<std::size_t>(classes); k++) {
          const float g = spoilt.grad[i * static_cast<std::size_t>(classes) + k];
          const bool right = is_bad ? std::isnan(g) : g == problem.grad[i * static_cast<std::size_t>(classes) + k];
          if (!right) FAIL("row " << i << ", class " << k);
        }
      }
      const lilaw_params before = spoilt.params;
      lilaw_meta_gradient_result meta;
      REQUIRE(spoilt.meta_step(meta) == LILAW_OK);
      CHECK(meta.moved == 0);
      CHECK(spoilt.params.alpha == before.alpha);
      CHECK(std::isnan(meta.gradient.alpha));
    }
  }
}

TEST_CASE("the same bits every time, in place or not") {
  std::mt19937 random(7);
  const std::pair<int, bool> cases[] = {{10, false}, {130, false}, {5000, false}, {10, true}, {130, true}};
  for (const auto& [classes, under] : cases) {
    Problem<float> first(50, classes, {LILAW_CROSS_ENTROPY, 0}, random);
    if (under) first.set_transition(transition_named("any", classes, random));
    Problem<float> second = first;
    lilaw_weighted_loss_result a, b;
    REQUIRE(first.weighted_loss(a, false, LILAW_FULL, LILAW_BATCH_MEAN) == LILAW_OK);
    REQUIRE(second.weighted_loss(b, true, LILAW_FULL, LILAW_BATCH_MEAN) == LILAW_OK);
    CHECK(std::memcmp(&a, &b, sizeof a) == 0);
    CHECK(std::memcmp(first.grad.data(), second.logits.data(), first.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("arguments are refused before anything is launched") {
  std::mt19937 random(8);
  Problem<float> problem(2, 3, {LILAW_CROSS_ENTROPY, 0}, random);
  lilaw_weighted_loss_result result;
  problem.set_transition(transition_named("identity", 3, random));
  problem.transition_stride = 2;
  CHECK(problem.weighted_loss(result) == LILAW_INVALID_ARGUMENT);
  CHECK(std::string(lilaw_last_error()).find("transition_stride") != std::string::npos);
  problem.transition_stride = 3;
  problem.loss = {LILAW_LABEL_SMOOTHING, {0.1}};
  CHECK(problem.weighted_loss(result) == LILAW_INVALID_ARGUMENT);
  problem.loss = {LILAW_CROSS_ENTROPY, {}};
  problem.transition.clear();
  problem.stride = 2;
  CHECK(problem.weighted_loss(result) == LILAW_INVALID_ARGUMENT);
  CHECK(std::string(lilaw_last_error()).find("logits_stride") != std::string::npos);
  CHECK(problem.losses[0] == 0);
  lilaw_meta_gradient_args args = {problem.batch(), &problem.params, nullptr, nullptr};
  CHECK(lilaw_meta_gradient_cuda(&args, problem.workspace.data(), nullptr) == LILAW_INVALID_ARGUMENT);
}

TEST_CASE("device memory and streams") {
  void* stream = nullptr;
  void* buffer = nullptr;
  REQUIRE(lilaw_stream_create(&stream) == LILAW_OK);
  REQUIRE(lilaw_buffer_create(12, &buffer) == LILAW_OK);
  const int sent[] = {1, 2, 3};
  int received[3] = {};
  CHECK(lilaw_buffer_upload(buffer, sent, sizeof sent, stream) == LILAW_OK);
  CHECK(lilaw_buffer_download(received, buffer, sizeof received, stream) == LILAW_OK);
  CHECK(lilaw_stream_synchronize(stream) == LILAW_OK);
  CHECK(received[2] == 3);
  CHECK(lilaw_buffer_create(0, &buffer) == LILAW_INVALID_ARGUMENT);
  CHECK(lilaw_buffer_free(buffer) == LILAW_OK);
  CHECK(lilaw_stream_free(stream) == LILAW_OK);
}
