/** Rows under the losses on a softmax. */
#pragma once

#include "columns.h"

namespace {

/** A block of rows under a softmax: largest logits, labels, and the exponential that is accurate for each row. */
class SoftmaxBlock {
 public:
  static constexpr bool kAlwaysWeighted = true;

  bool is_finite(int slot) const { return rest_[slot] == rest_[slot]; }
  Longs finite(int at) const { return rest_.lanes(at) == rest_.lanes(at); }
  std::int32_t prediction(int slot) const { return static_cast<std::int32_t>(top_[slot]); }

 protected:
  explicit SoftmaxBlock(const lilaw_batch& batch)
      : batch_(batch), kind_{batch.loss, static_cast<double>(batch.classes)} {}

  const float* logits(std::int64_t row) const {
    return row_of<float>(batch_.logits, batch_.logits_stride, row);
  }

  /** The class index of a row: always in range, even if another thread has changed it since it was checked. */
  std::int64_t class_label(std::int64_t row) const {
    const std::int64_t label = read_label(static_cast<const std::int32_t*>(batch_.labels) + row);
    return 0 <= label && label < batch_.classes ? label : 0;
  }

  /** Finds the largest logit of each row, and its index. */
  void find_largest(std::int64_t first, int count) {
    for (int slot = 0; slot < count; slot++) max_[slot] = max_of(logits(first + slot), batch_.classes);
    for (int slot = 0; slot < count; slot++) {
      const float max = static_cast<float>(max_[slot]);
      top_[slot] = finite_number(max) ? index_of(logits(first + slot), batch_.classes, max) : 0;
    }
  }

  /** Calls `pass` with the exponential that is accurate for a row. A row whose largest logit is not finite gets NaN. */
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

  /** The factor that is missing in the exponentials of a row. */
  Reals exp_factor(int at) const { return Lanes::exp(-exp_remainder_.lanes(at)); }
  Reals rest(int at) const { return rest_.lanes(at) * exp_factor(at); }

  const lilaw_batch& batch_;
  const lilaw::SoftmaxLoss kind_;
  std::int64_t top_[kMaxBlockRows] = {};
  std::int64_t label_[kMaxBlockRows] = {};
  /** Sum of all exponentials but the largest, not yet multiplied by exp_factor. */
  Column rest_;
  Column max_, exp_remainder_;
};

/** The losses of u, and label smoothing. */
class SoftmaxRows : public SoftmaxBlock {
 public:
  explicit SoftmaxRows(const lilaw_batch& batch) : SoftmaxBlock(batch), smooth_(lilaw::smoothing_of(kind_) > 0) {}

  /** Reads rows. Their exponentials are stored in `gradient`, if there is one, for `write`. */
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
      if (smooth_) tangent_sum_[slot] = sum_of(tangent, batch_.classes);
    }
  }

  RowLoss loss(int at) const {
    const Reals max = max_.lanes(at);
    return lilaw::softmax_loss<Lanes>(
        {rest(at), label_logit_.lanes(at) - max, logit_sum_.lanes(at) - static_cast<double>(batch_.classes) * max},
        kind_);
  }

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
  // Short stages, each over all rows of the block, let the processor work on several rows at once. A single stage for
  // each row would wait for the end of every sum.

  void read_labels(std::int64_t first, int count) {
    for (int slot = 0; slot < count; slot++) {
      const float* z = logits(first + slot);
      const std::int64_t label = class_label(first + slot);
      label_[slot] = label;
      label_logit_[slot] = z[label];
      if (smooth_) logit_sum_[slot] = sum_of(z, batch_.classes);
    }
  }

  /**
   * Reads long rows once, for the largest logit and the sum together. Reading a row twice is cheaper only for short
   * rows, for which the end of a scan costs more. Exponentials are scaled by the largest of the first logits.
   */
  void scan(std::int64_t first, int count, const Matrix& gradient) {
    // Exponentials that overwrite the logits would make it impossible to find the largest logit or to start again.
    const bool in_place = gradient.data == batch_.logits;
    for (int slot = 0; slot < count; slot++) near_[slot] = max_of(logits(first + slot), kLineFloats);
    if (in_place) find_largest(first, count);
    read_labels(first, count);
    for (int slot = 0; slot < count; slot++) {
      if (in_place) raise(slot);
      // At most twice: in the second scan the scale is the largest logit, which only another thread could raise.
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

  /** Whether the largest logit is too far above the scale of the exponentials; if so, it becomes the scale. */
  bool raise(int slot) {
    const bool far = max_[slot] > near_[slot] + kMostRise;
    if (far) near_[slot] = max_[slot];
    return far;
  }

  Longs label_is_top(int at) const { return load<Longs>(label_ + at) == load<Longs>(top_ + at); }

  /** Up to about this length reading a row twice is as fast as scanning it, with any instruction set. */
  static constexpr std::int64_t kShortRow = 384;

  const bool smooth_;
  Column near_, label_logit_, logit_sum_;
  Column tangent_rest_, tangent_top_, tangent_label_, tangent_sum_;
  Column scale_, offset_, at_top_, at_label_;
};

}  // namespace
