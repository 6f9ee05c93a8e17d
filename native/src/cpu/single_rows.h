/** Rows of one number: binary and regression. */
#pragma once

#include "columns.h"

namespace {

/** The code shared by losses of one logit in a row. `Kind` computes loss and gradient from logits and labels. */
template <class Kind>
class SingleRows {
 public:
  static constexpr bool kAlwaysWeighted = true;

  explicit SingleRows(const lilaw_batch& batch) : batch_(batch), kind_{batch.loss.parameters[0]} {}

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

/** Sigmoid cross-entropy; a label is stored as a sign, 1 or -1. */
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
    // v depends on the target only, which is finite; in a non-finite row v must be NaN, like all other results.
    row.max_prob += output - output;
    return row;
  }
  static std::int32_t prediction(double) { return 0; }
  Reals gradient(Reals output, Reals target, const RowFactors& by) const {
    return lilaw::regression_gradient<Lanes>(output, target, range, by);
  }
};

}  // namespace
