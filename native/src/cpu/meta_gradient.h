/** meta_gradient on a range of rows: sums only, nothing is written. */
#pragma once

#include "rows.h"

namespace {

template <class Rows>
lilaw::MetaGradientSums meta_gradient_of(Rows& rows, const lilaw_meta_gradient_args& args, lilaw::RowRange range) {
  Reals alpha{};
  Reals beta{};
  Reals delta{};
  Reals objective{};
  Longs finite_rows{};

  for_each_block(args.batch, range, [&](std::int64_t first, int count) {
    rows.measure(first, count, {});

    for (int at = 0; at < count; at += kRealLanes) {
      const RowLoss loss = rows.loss(at);
      const auto w = weigh(rows, at, loss, args.params);
      const Longs good = rows.finite(at) & present_lanes(at, count);
      const Reals coefficient =
          args.coefficients == nullptr ? loss.loss : read_lanes(args.coefficients + first, at, count, 0);
      // Lanes without a row, or with a non-finite one, may be NaN here, and 0 * NaN is not 0.
      alpha += good ? coefficient * w.by_alpha : Reals{};
      beta += good ? coefficient * w.by_beta : Reals{};
      delta += good ? coefficient * w.by_delta : Reals{};
      objective += good ? coefficient * w.total : Reals{};
      finite_rows -= good;
    }
  });
  return {sum_lanes(alpha), sum_lanes(beta), sum_lanes(delta), sum_lanes(objective), sum_lanes(finite_rows)};
}

lilaw::MetaGradientSums meta_gradient(const lilaw_meta_gradient_args& args, lilaw::RowRange range) noexcept {
  return with_rows(args.batch, [&](auto& rows) { return meta_gradient_of(rows, args, range); });
}

}  // namespace
