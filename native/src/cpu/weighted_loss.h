/** weighted_loss on a range of rows: the requested outputs, in one pass over the logits. */
#pragma once

#include "rows.h"

namespace {

template <class Rows>
lilaw::WeightedLossSums weighted_loss_of(Rows& rows, const lilaw_weighted_loss_args& args,
                                         const lilaw::BatchMeans& means, lilaw::RowRange range) {
  const Matrix gradient = {static_cast<float*>(args.grad_logits), args.grad_stride};
  const bool full = args.gradient == LILAW_FULL && args.params != nullptr;
  Reals objective{};
  Reals weight{};
  Reals alpha{};
  Reals beta{};
  Reals delta{};
  Longs finite_rows{};

  for_each_block(args.batch, range, [&](std::int64_t first, int count) {
    const auto put = [&](float* out, int at, Reals lanes) {
      if (out != nullptr) write_lanes(out + first, at, count, lanes);
    };

    rows.measure(first, count, gradient);
    if (args.predictions != nullptr) {
      for (int slot = 0; slot < count; slot++) {
        args.predictions[first + slot] = rows.is_finite(slot) ? rows.prediction(slot) : -1;
      }
    }

    for (int at = 0; at < count; at += kRealLanes) {
      const RowLoss loss = rows.loss(at);
      const auto w = weigh(rows, at, loss, args.params);
      const Longs good = rows.finite(at) & present_lanes(at, count);
      const Reals normalized = (good ? w.total : Lanes::splat(kNaN)) / means.weight;
      const Reals factor = args.sample_weights == nullptr ? Lanes::splat(1)
                                                          : read_lanes(args.sample_weights + first, at, count, 1);
      objective += good ? factor * normalized * loss.loss : Reals{};
      weight += good ? w.total : Reals{};
      // d(objective)/dW of this row: a batch mean in the denominator pulls towards the objective.
      const Reals by_weight = factor * loss.loss - means.objective;
      alpha += good ? by_weight * w.by_alpha : Reals{};
      beta += good ? by_weight * w.by_beta : Reals{};
      delta += good ? by_weight * w.by_delta : Reals{};
      finite_rows -= good;
      put(args.losses, at, loss.loss);
      put(args.weights, at, normalized);
      put(args.label_probs, at, loss.label_prob);
      put(args.max_probs, at, loss.max_prob);
      put(args.term_alpha, at, w.alpha);
      put(args.term_beta, at, w.beta);
      put(args.term_delta, at, w.delta);
      if (gradient.data == nullptr) continue;
      const double all_rows = static_cast<double>(args.batch.rows);
      rows.prepare(at, loss, lilaw::row_factors<Lanes>(loss, w, factor, means, all_rows, full));
    }

    if (gradient.data == nullptr) return;
    for (int slot = 0; slot < count; slot++) {
      if (rows.is_finite(slot)) {
        rows.write(slot, first + slot, gradient.row(first + slot));
      } else {
        fill_row(gradient.row(first + slot), args.batch.classes, static_cast<float>(kNaN));
      }
    }
  });
  return {sum_lanes(objective), sum_lanes(weight), sum_lanes(alpha),
          sum_lanes(beta),      sum_lanes(delta),  sum_lanes(finite_rows)};
}

lilaw::WeightedLossSums weighted_loss(const lilaw_weighted_loss_args& args, const lilaw::BatchMeans& means,
                                      lilaw::RowRange range) noexcept {
  return with_rows(args.batch, [&](auto& rows) { return weighted_loss_of(rows, args, means, range); });
}

}  // namespace
