/**
 * The rows of a batch under each loss, seen through one set of functions, so that each operation is written once.
 *
 * A block of up to kMaxBlockRows rows goes through stages: `measure` reads a row of logits (vectors along the
 * classes), `loss`, `align` and `prepare` compute with what was measured (vectors along the rows), `write` makes a
 * row of the gradient (along the classes again). Memory is touched by the first and the last only.
 *
 * A row with a non-finite logit has NaN among its measurements, so that all results of its lane are NaN.
 */
#pragma once

#include "kernels.h"
#include "labels.h"
#include "row_passes.h"

namespace {

using lilaw::kMaxBlockRows;
using RowLoss = lilaw::RowLoss<Lanes>;
using RowFactors = lilaw::RowFactors<Lanes>;

constexpr double kNaN = __builtin_nan("");

/** A number for each row of a block. */
struct alignas(64) Column {
  double of[kMaxBlockRows] = {};

  double& operator[](int slot) { return of[slot]; }
  double operator[](int slot) const { return of[slot]; }
  /** Those of the rows from `slot` on, one a lane. */
  Reals lanes(int slot) const { return load<Reals>(of + slot); }
  void set_lanes(int slot, Reals values) { store(of + slot, values); }
};

LILAW_INLINE bool finite_number(float x) { return x - x == 0; }

/** The rows of an array of floats, which may be absent. */
struct Matrix {
  float* data;
  std::int64_t stride;

  float* row(std::int64_t i) const { return data == nullptr ? nullptr : data + i * stride; }
};

struct ConstMatrix {
  const float* data;
  std::int64_t stride;

  const float* row(std::int64_t i) const { return data + i * stride; }
};

template <class T>
LILAW_INLINE const T* row_of(const void* data, std::int64_t stride, std::int64_t row) {
  return static_cast<const T*>(data) + row * stride;
}

/** Cross-entropy, focal loss and label smoothing. */
class SoftmaxRows {
 public:
  static constexpr bool kAlwaysWeighted = true;

  explicit SoftmaxRows(const lilaw_batch& batch)
      : batch_(batch),
        kind_{batch.loss.kind == LILAW_FOCAL ? batch.loss.parameter : 0.0,
              batch.loss.kind == LILAW_LABEL_SMOOTHING ? batch.loss.parameter : 0.0,
              static_cast<double>(batch.classes)} {}

  /** Reads rows. With `gradient`, their exponentials are left there for `write`. */
  void measure(std::int64_t first, int count, const Matrix& gradient) {
    if (batch_.classes > kShortRow) return scan(first, count, gradient);
    find_largest(first, count);
    read_labels(first, count);
    for (int slot = 0; slot < count; slot++) {
      const float* z = logits(first + slot);
      float* exps = gradient.row(first + slot);
      with_exp(slot, max_[slot], [&](const auto& exp) {
        rest_[slot] = exps != nullptr ? sum_of_rest<true>(z, batch_.classes, exp, top_[slot], exps)
                                      : sum_of_rest<false>(z, batch_.classes, exp, top_[slot], nullptr);
      });
    }
  }

  void measure_along(std::int64_t first, int count, const ConstMatrix& tangents) {
    find_largest(first, count);
    read_labels(first, count);
    for (int slot = 0; slot < count; slot++) {
      const float* tangent = tangents.row(first + slot);
      with_exp(slot, max_[slot], [&](const auto& exp) {
        const RestAlong sums =
            sum_of_rest_along(logits(first + slot), tangent, batch_.classes, exp, top_[slot]);
        rest_[slot] = sums.rest;
        tangent_rest_[slot] = sums.tangent;
      });
      tangent_top_[slot] = tangent[top_[slot]];
      tangent_label_[slot] = tangent[label_[slot]];
      if (kind_.smoothing > 0) tangent_sum_[slot] = sum_of(tangent, batch_.classes);
    }
  }

  bool is_finite(int slot) const { return rest_[slot] == rest_[slot]; }
  Longs finite(int at) const { return rest_.lanes(at) == rest_.lanes(at); }

  RowLoss loss(int at) const {
    const Reals max = max_.lanes(at);
    return lilaw::softmax_loss<Lanes>(
        {rest(at), label_logit_.lanes(at) - max, logit_sum_.lanes(at) - static_cast<double>(batch_.classes) * max},
        kind_);
  }
  std::int32_t prediction(int slot) const { return static_cast<std::int32_t>(top_[slot]); }

  Reals align(int at, const RowLoss& loss) const {
    return lilaw::softmax_alignment<Lanes>(
        loss, rest(at),
        {tangent_rest_.lanes(at) * exp_factor(at), tangent_top_.lanes(at), tangent_label_.lanes(at), tangent_sum_.lanes(at)},
        label_is_top(at), kind_);
  }

  void prepare(int at, const RowLoss& loss, const RowFactors& by) {
    const auto gradient =
        lilaw::softmax_gradient<Lanes>(loss, by, rest(at), label_is_top(at), kind_);
    scale_.set_lanes(at, gradient.scale * exp_factor(at));
    offset_.set_lanes(at, gradient.offset);
    at_top_.set_lanes(at, gradient.at_top);
    at_label_.set_lanes(at, gradient.at_label);
  }

  void write(int slot, std::int64_t, float* gradient) {
    scale_row(gradient, batch_.classes, scale_[slot], static_cast<float>(offset_[slot]));
    gradient[top_[slot]] = static_cast<float>(at_top_[slot]);
    gradient[label_[slot]] = static_cast<float>(at_label_[slot]);
  }

 private:
  const float* logits(std::int64_t row) const {
    return row_of<float>(batch_.logits, batch_.logits_stride, row);
  }

  /** In range, even where another thread has changed it since it was checked. */
  std::int64_t class_label(std::int64_t row) const {
    const std::int64_t label = read_label(static_cast<const std::int32_t*>(batch_.labels) + row);
    return 0 <= label && label < batch_.classes ? label : 0;
  }

  // Short stages, each over all rows of the block, keep the processor busy with several rows at once, where one stage
  // for a row would have it wait for the end of every sum.

  /** The largest logit of each row, and where it is. */
  void find_largest(std::int64_t first, int count) {
    for (int slot = 0; slot < count; slot++) max_[slot] = max_of(logits(first + slot), batch_.classes);
    for (int slot = 0; slot < count; slot++) {
      const float max = static_cast<float>(max_[slot]);
      top_[slot] = finite_number(max) ? index_of(logits(first + slot), batch_.classes, max) : 0;
    }
  }

  void read_labels(std::int64_t first, int count) {
    for (int slot = 0; slot < count; slot++) {
      const float* z = logits(first + slot);
      const std::int64_t label = class_label(first + slot);
      label_[slot] = label;
      label_logit_[slot] = z[label];
      if (kind_.smoothing > 0) logit_sum_[slot] = sum_of(z, batch_.classes);
    }
  }

  /**
   * Reads long rows once, for the largest and the sum together: a second look at a row costs less than the end of a
   * scan only where the row is short. Exponentials are scaled by the largest of the first logits.
   */
  void scan(std::int64_t first, int count, const Matrix& gradient) {
    // Exponentials in the place of the logits leave nothing to find the largest in, or to start again from.
    const bool in_place = gradient.data == batch_.logits;
    for (int slot = 0; slot < count; slot++) near_[slot] = max_of(logits(first + slot), kLineFloats);
    if (in_place) find_largest(first, count);
    read_labels(first, count);
    for (int slot = 0; slot < count; slot++) {
      if (in_place) raise(slot);
      // Twice at most, since then the scale is the largest of all: only another thread could raise that any further.
      for (int scans = 0; scans < 2; scans++) {
        scan_row_of(slot, logits(first + slot), gradient.row(first + slot), in_place);
        if (!raise(slot)) break;
      }
    }
  }

  void scan_row_of(int slot, const float* z, float* exps, bool top_is_known) {
    const std::int64_t classes = batch_.classes;
    with_exp(slot, near_[slot], [&](const auto& exp) {
      const RowScan found = exps != nullptr ? scan_row<true>(z, classes, exp, exps)
                                            : scan_row<false>(z, classes, exp, nullptr);
      max_[slot] = max_lane(found.max);
      if (!top_is_known) top_[slot] = top_of(found, z, classes, static_cast<float>(max_[slot]));
      rest_[slot] = sum_of_rest(found, z, classes, exp, top_[slot], exps);
    });
  }

  /** Whether the largest logit is too far above what exponentials are scaled by, which it then becomes. */
  bool raise(int slot) {
    const bool far = max_[slot] > near_[slot] + kMostRise;
    if (far) near_[slot] = max_[slot];
    return far;
  }

  /** Calls `pass` with the exponential that suits a row; makes a row NaN whose largest logit is not finite. */
  template <class Pass>
  void with_exp(int slot, double largest, Pass pass) {
    const float near = static_cast<float>(largest);
    if (near < ScaledExp::kLimit && near > -ScaledExp::kLimit) {
      pass_with(slot, ScaledExp(near), pass);
    } else if (finite_number(near)) {
      pass_with(slot, DifferenceExp(near), pass);
    } else {
      max_[slot] = near;
      top_[slot] = 0;
      rest_[slot] = kNaN;
    }
  }

  template <class Exp, class Pass>
  void pass_with(int slot, const Exp& exp, Pass pass) {
    pass(exp);
    exp_remainder_[slot] = exp.remainder(static_cast<float>(max_[slot]));
  }

  Longs label_is_top(int at) const { return load<Longs>(label_ + at) == load<Longs>(top_ + at); }

  /** What the exponentials of a row are to be multiplied by. */
  Reals exp_factor(int at) const { return Lanes::exp(-exp_remainder_.lanes(at)); }
  Reals rest(int at) const { return rest_.lanes(at) * exp_factor(at); }

  /** About where both ways take as long, with any instruction set. */
  static constexpr std::int64_t kShortRow = 384;

  const lilaw_batch& batch_;
  const lilaw::SoftmaxLoss kind_;
  std::int64_t top_[kMaxBlockRows] = {};
  std::int64_t label_[kMaxBlockRows] = {};
  /** Sum of the exponentials but the largest, as the passes give it: exp_factor is still to come. */
  Column rest_;
  Column max_, near_, exp_remainder_, label_logit_, logit_sum_;
  Column tangent_rest_, tangent_top_, tangent_label_, tangent_sum_;
  Column scale_, offset_, at_top_, at_label_;
};

/** Losses of one logit a row: what they share. `Kind` gives loss and gradient of logits and labels. */
template <class Kind>
class SingleRows {
 public:
  static constexpr bool kAlwaysWeighted = true;

  explicit SingleRows(const lilaw_batch& batch) : batch_(batch), kind_{batch.loss.parameter} {}

  void measure(std::int64_t first, int count, const Matrix&) {
    for (int slot = 0; slot < count; slot++) {
      const float logit = *row_of<float>(batch_.logits, batch_.logits_stride, first + slot);
      logit_[slot] = finite_number(logit) ? logit : kNaN;
      label_[slot] = kind_.label(batch_.labels, first + slot);
    }
  }

  void measure_along(std::int64_t first, int count, const ConstMatrix& tangents) {
    for (int slot = 0; slot < count; slot++) tangent_[slot] = *tangents.row(first + slot);
    measure(first, count, {});
  }

  bool is_finite(int slot) const { return logit_[slot] == logit_[slot]; }
  Longs finite(int at) const { return logit_.lanes(at) == logit_.lanes(at); }

  RowLoss loss(int at) const { return kind_.loss(logit_.lanes(at), label_.lanes(at)); }
  std::int32_t prediction(int slot) const { return kind_.prediction(logit_[slot]); }

  Reals align(int at, const RowLoss&) const {
    const RowFactors loss_only = {Lanes::splat(1), Lanes::splat(0), Lanes::splat(0)};
    return kind_.gradient(logit_.lanes(at), label_.lanes(at), loss_only) * tangent_.lanes(at);
  }

  void prepare(int at, const RowLoss&, const RowFactors& by) {
    gradient_.set_lanes(at, kind_.gradient(logit_.lanes(at), label_.lanes(at), by));
  }

  void write(int slot, std::int64_t, float* gradient) { *gradient = static_cast<float>(gradient_[slot]); }

 private:
  const lilaw_batch& batch_;
  const Kind kind_;
  Column logit_, label_, tangent_, gradient_;
};

/** Sigmoid cross-entropy; a label is kept as the side it is on, 1 or -1. */
struct Binary {
  double unused;

  static double label(const void* labels, std::int64_t row) {
    return read_label(static_cast<const std::int32_t*>(labels) + row) == 1 ? 1 : -1;
  }
  static RowLoss loss(Reals logit, Reals side) { return lilaw::binary_loss<Lanes>(logit, side); }
  static std::int32_t prediction(double logit) { return logit > 0 ? 1 : 0; }
  static Reals gradient(Reals logit, Reals side, const RowFactors& by) {
    return lilaw::binary_gradient<Lanes>(logit, side, by);
  }
};

/** Squared error of an output against a target. */
struct Regression {
  double range;

  static double label(const void* labels, std::int64_t row) {
    return read_label(static_cast<const float*>(labels) + row);
  }
  RowLoss loss(Reals output, Reals target) const {
    RowLoss row = lilaw::regression_loss<Lanes>(output, target, range);
    // The target is finite, but in a row that is not, v is NaN as everything else.
    row.max_prob += output - output;
    return row;
  }
  static std::int32_t prediction(double) { return 0; }
  Reals gradient(Reals output, Reals target, const RowFactors& by) const {
    return lilaw::regression_gradient<Lanes>(output, target, range, by);
  }
};

/** Sigmoid cross-entropy of any number of labels a row. Its vectors are doubles along the classes too. */
class MultiLabelRows {
 public:
  static constexpr bool kAlwaysWeighted = false;

  explicit MultiLabelRows(const lilaw_batch& batch) : batch_(batch) {}

  void measure(std::int64_t first, int count, const Matrix&) {
    for (int slot = 0; slot < count; slot++) measure_row(slot, first + slot);
  }

  void measure_along(std::int64_t first, int count, const ConstMatrix& tangents) {
    measure(first, count, {});
    for (int slot = 0; slot < count; slot++) align_row(slot, first + slot, tangents.row(first + slot));
  }

  bool is_finite(int slot) const { return loss_sum_[slot] == loss_sum_[slot]; }
  Longs finite(int at) const { return loss_sum_.lanes(at) == loss_sum_.lanes(at); }

  RowLoss loss(int at) const {
    return lilaw::multi_label_loss<Lanes>(
        {loss_sum_.lanes(at), label_sum_.lanes(at), top_sum_.lanes(at), observed_.lanes(at)},
        static_cast<double>(batch_.classes));
  }
  Longs weighted(int at) const {
    const Reals loss = loss_sum_.lanes(at);
    return (observed_.lanes(at) > 0.0) | (loss != loss);
  }
  std::int32_t prediction(int slot) const { return static_cast<std::int32_t>(top_[slot]); }

  Reals align(int at, const RowLoss&) const { return alignment_.lanes(at); }

  void prepare(int at, const RowLoss&, const RowFactors& by) {
    const auto gradient = lilaw::multi_label_gradient<Lanes>(by, observed_.lanes(at), batch_.classes);
    by_error_.set_lanes(at, gradient.by_error);
    by_label_.set_lanes(at, gradient.by_label);
    by_top_.set_lanes(at, gradient.by_top);
  }

  void write(int slot, std::int64_t row, float* gradient) {
    const lilaw::MultiLabelGradient<Lanes> by = {Lanes::splat(by_error_[slot]), Lanes::splat(by_label_[slot]),
                                                 Lanes::splat(by_top_[slot])};
    along(slot, row, [&](std::int64_t k, Reals logit, Reals label, Reals top) {
      const Reals entry = lilaw::multi_label_entry<Lanes>(logit, label, top, by);
      for (int i = 0; i < kRealLanes && k + i < batch_.classes; i++) gradient[k + i] = static_cast<float>(entry[i]);
    });
  }

 private:
  void measure_row(int slot, std::int64_t row) {
    const float* z = row_of<float>(batch_.logits, batch_.logits_stride, row);
    const std::uint8_t* y = labels(row);
    std::int64_t observed = 0;
    bool finite = true;
    for (std::int64_t k = 0; k < batch_.classes; k++) {
      observed += read_label(y + k) & 1;
      finite &= finite_number(z[k]);
    }
    observed_[slot] = static_cast<double>(observed);
    loss_sum_[slot] = label_sum_[slot] = top_sum_[slot] = kNaN;
    if (!finite) return;
    top_[slot] = index_of(z, batch_.classes, max_of(z, batch_.classes));
    tops_[slot] = largest_of(z, batch_.classes, observed);

    Reals loss{};
    Reals label_prob{};
    Reals top_prob{};
    along(slot, row, [&](std::int64_t, Reals logit, Reals label, Reals top) {
      const Reals p = lilaw::sigmoids<Lanes>(logit).of;
      loss += lilaw::softplus<Lanes>(label > 0.0 ? -logit : logit);
      label_prob += p * label;
      top_prob += p * top;
    });
    loss_sum_[slot] = sum_lanes(loss);
    label_sum_[slot] = sum_lanes(label_prob);
    top_sum_[slot] = sum_lanes(top_prob);
  }

  void align_row(int slot, std::int64_t row, const float* tangent) {
    alignment_[slot] = kNaN;
    if (!is_finite(slot)) return;
    const lilaw::MultiLabelGradient<Lanes> loss_only = {
        Lanes::splat(1 / static_cast<double>(batch_.classes)), Lanes::splat(0), Lanes::splat(0)};
    Reals sum{};
    along(slot, row, [&](std::int64_t k, Reals logit, Reals label, Reals top) {
      sum += lilaw::multi_label_entry<Lanes>(logit, label, top, loss_only) * part_of(tangent, k);
    });
    alignment_[slot] = sum_lanes(sum);
  }

  const std::uint8_t* labels(std::int64_t row) const {
    return row_of<std::uint8_t>(batch_.labels, batch_.labels_stride, row);
  }

  /** From `k` on; beyond the end of the row `fill`. */
  Reals part_of(const float* row, std::int64_t k, double fill = 0) const {
    if (k + kRealLanes <= batch_.classes) return to_reals(load<HalfFloats>(row + k));
    Reals part = Lanes::splat(fill);
    for (int i = 0; i < kRealLanes && k + i < batch_.classes; i++) part[i] = row[k + i];
    return part;
  }

  Reals labels_of(const std::uint8_t* row, std::int64_t k) const {
    Reals part{};
    for (int i = 0; i < kRealLanes && k + i < batch_.classes; i++) part[i] = read_label(row + k + i);
    return part;
  }

  /**
   * Visits the logits of a row, its labels, and 1 or 0 for whether a logit is among the largest. A logit of -1000 beyond
   * the end adds nothing to any sum.
   */
  template <class Visit>
  void along(int slot, std::int64_t row, Visit visit) const {
    const float* z = row_of<float>(batch_.logits, batch_.logits_stride, row);
    const std::uint8_t* y = labels(row);
    const Largest& tops = tops_[slot];
    for (std::int64_t k = 0; k < batch_.classes; k += kRealLanes) {
      const Reals logits = part_of(z, k, -1000);
      visit(k, logits, labels_of(y, k), among(tops, logits, k));
    }
  }

  const lilaw_batch& batch_;
  std::int64_t top_[kMaxBlockRows];
  Largest tops_[kMaxBlockRows];
  Column loss_sum_, label_sum_, top_sum_, observed_, alignment_;
  Column by_error_, by_label_, by_top_;
};

/** Calls `work` with the rows of the batch's loss. */
template <class Work>
auto with_rows(const lilaw_batch& batch, Work work) {
  switch (batch.loss.kind) {
    case LILAW_BINARY: {
      SingleRows<Binary> rows(batch);
      return work(rows);
    }
    case LILAW_REGRESSION: {
      SingleRows<Regression> rows(batch);
      return work(rows);
    }
    case LILAW_MULTI_LABEL: {
      MultiLabelRows rows(batch);
      return work(rows);
    }
    default: {
      SoftmaxRows rows(batch);
      return work(rows);
    }
  }
}

/** Calls `visit(first row, count)` for each block of a range. */
template <class Visit>
LILAW_INLINE void for_each_block(const lilaw_batch& batch, lilaw::RowRange range, Visit visit) {
  const int most = lilaw::block_rows(batch.classes);
  for (std::int64_t first = range.first; first < range.last; first += most) {
    const std::int64_t left = range.last - first;
    visit(first, static_cast<int>(left < most ? left : most));
  }
}

/** All ones in the lanes from `at` on that stand for one of `count` rows. */
LILAW_INLINE Longs present_lanes(int at, int count) {
  Longs number;
  for (int i = 0; i < kRealLanes; i++) number[i] = at + i;
  return number < count;
}

/** Numbers of rows from `at` on, in lanes; `fill` in those beyond `count`. */
LILAW_INLINE Reals read_lanes(const float* rows, int at, int count, double fill) {
  Reals lanes = Lanes::splat(fill);
  if (at + kRealLanes <= count) return to_reals(load<HalfFloats>(rows + at));
  for (int i = 0; at + i < count; i++) lanes[i] = rows[at + i];
  return lanes;
}

/** Writes the lanes that stand for a row. */
LILAW_INLINE void write_lanes(float* rows, int at, int count, Reals lanes) {
  const HalfFloats floats = to_floats(lanes);
  if (at + kRealLanes <= count) {
    store(rows + at, floats);
  } else {
    for (int i = 0; at + i < count; i++) rows[at + i] = floats[i];
  }
}

LILAW_INLINE std::int64_t sum_lanes(Longs lanes) {
  std::int64_t sum = 0;
  for (int i = 0; i < kRealLanes; i++) sum += lanes[i];
  return sum;
}

/** The weights of the rows from `at` on; all 1 without params and in rows that the method leaves alone. */
template <class Rows>
LILAW_INLINE lilaw::RowWeight<Lanes> weigh(const Rows& rows, int at, const RowLoss& loss,
                                           const lilaw_params* params) {
  const auto plain = lilaw::plain_weight<Lanes>();
  if (params == nullptr) return plain;
  auto w = lilaw::row_weight<Lanes>(loss.label_prob, loss.max_prob, params->alpha, params->beta, params->delta);
  if constexpr (!Rows::kAlwaysWeighted) {
    const Longs on = rows.weighted(at);
    w = {on ? w.alpha : plain.alpha,
         on ? w.beta : plain.beta,
         on ? w.delta : plain.delta,
         on ? w.total : plain.total,
         on ? w.by_label_prob : plain.by_label_prob,
         on ? w.by_max_prob : plain.by_max_prob,
         on ? w.by_alpha : plain.by_alpha,
         on ? w.by_beta : plain.by_beta,
         on ? w.by_delta : plain.by_delta};
  }
  return w;
}

}  // namespace
