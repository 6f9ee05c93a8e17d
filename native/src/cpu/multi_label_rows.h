/** Rows with any number of labels. */
#pragma once

#include "columns.h"

namespace {

/** Sigmoid cross-entropy with any number of labels in a row. Vectors along the classes are doubles here too. */
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

  /** Elements of a row from `k` on, with `fill` beyond the end of the row. */
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
   * Visits the logits of a row, its labels, and for each logit 1 if it is among the largest, else 0. Logits beyond the
   * end are -1000, which adds nothing to any sum.
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

}  // namespace
