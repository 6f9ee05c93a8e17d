/**
 * The rows of a batch under each loss, seen through one set of functions, so that each operation is written once.
 *
 * A block of up to kMaxBlockRows rows goes through stages: `measure` reads a row of logits (vectors along the classes),
 * `loss`, `align` and `prepare` compute with the measurements (vectors along the rows), `write` writes a row of the
 * gradient (along the classes again). Only the first and the last stage access the arrays.
 *
 * A row with a non-finite logit has NaN among its measurements, so that all results of its lane are NaN.
 */
#pragma once

#include "../math/loss_traits.h"
#include "multi_label_rows.h"
#include "single_rows.h"
#include "softmax_rows.h"
#include "transition_rows.h"

namespace {

/** Calls `work` with the kind of rows that belongs to the loss of the batch. */
template <class Work>
auto with_rows(const lilaw_batch& batch, Work work) {
  switch (lilaw::traits_of(batch.loss).label) {
    case lilaw::LabelType::kBinary: {
      SingleRows<Binary> rows(batch);
      return work(rows);
    }
    case lilaw::LabelType::kTarget: {
      SingleRows<Regression> rows(batch);
      return work(rows);
    }
    case lilaw::LabelType::kFlags: {
      MultiLabelRows rows(batch);
      return work(rows);
    }
    default: {
      if (batch.transition != nullptr) {
        TransitionRows rows(batch);
        return work(rows);
      }
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

/** A mask with all bits set in the lanes, from `at` on, that belong to one of `count` rows. */
LILAW_INLINE Longs present_lanes(int at, int count) {
  Longs number;
  for (int i = 0; i < kRealLanes; i++) number[i] = at + i;
  return number < count;
}

/** Numbers of the rows from `at` on, one in each lane; `fill` in lanes beyond `count`. */
LILAW_INLINE Reals read_lanes(const float* rows, int at, int count, double fill) {
  Reals lanes = Lanes::splat(fill);
  if (at + kRealLanes <= count) return to_reals(load<HalfFloats>(rows + at));
  for (int i = 0; at + i < count; i++) lanes[i] = rows[at + i];
  return lanes;
}

/** Writes the lanes that belong to a row. */
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

/** The weights of the rows from `at` on; 1 without params and in rows that the method does not weigh. */
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
