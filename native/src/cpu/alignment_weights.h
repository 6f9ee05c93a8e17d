/** alignment_weights on a range of rows: the alignments. Clamping and normalising wait for all of them. */
#pragma once

#include "rows.h"

namespace {

template <class Rows>
lilaw::AlignmentSums alignments_of(Rows& rows, const lilaw_alignment_weights_args& args, double divisor, float* out,
                                   lilaw::RowRange range) {
  Reals positive{};
  Longs finite_rows{};

  for_each_block(args.batch, range, [&](std::int64_t first, int count) {
    rows.measure_along(first, count, {static_cast<const float*>(args.tangents), args.tangents_stride});
    for (int at = 0; at < count; at += kRealLanes) {
      const Reals alignment = rows.align(at, rows.loss(at));
      // A tangent may be non-finite too.
      const Longs good = rows.finite(at) & present_lanes(at, count) & (alignment - alignment == 0.0);
      positive += (good & (alignment > 0.0)) ? alignment : Reals{};
      finite_rows -= good;
      if (out != nullptr) write_lanes(out + first, at, count, good ? alignment / divisor : Lanes::splat(kNaN));
    }
  });
  return {sum_lanes(positive), sum_lanes(finite_rows)};
}

lilaw::AlignmentSums alignments(const lilaw_alignment_weights_args& args, double divisor, float* out,
                                lilaw::RowRange range) noexcept {
  return with_rows(args.batch, [&](auto& rows) { return alignments_of(rows, args, divisor, out, range); });
}

}  // namespace
