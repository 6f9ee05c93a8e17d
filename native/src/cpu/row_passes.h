/** Passes over one row of floats, vectors along the classes. */
#pragma once

#include "kernels.h"
#include "vectors.h"

namespace {

/** A vector of a row that has `left` more elements, with `fill` beyond its end. */
LILAW_INLINE Floats load_along(const float* at, std::int64_t left, float fill) {
  return left >= kLanes ? load<Floats>(at) : load_part(at, static_cast<int>(left), fill);
}

LILAW_INLINE void store_along(float* at, std::int64_t left, Floats v) {
  if (left >= kLanes) {
    store(at, v);
  } else {
    store_part(at, v, static_cast<int>(left));
  }
}

/** Largest element of a row, ignoring NaN; -inf if all are NaN. */
float max_of(const float* z, std::int64_t classes) {
  const Floats lowest = splat(-__builtin_inff());
  std::int64_t k = 0;
  Floats max = lowest;
  if (classes >= 4 * kLanes) {
    Floats maxima[4] = {lowest, lowest, lowest, lowest};
    for (; k + 4 * kLanes <= classes; k += 4 * kLanes) {
      for (int i = 0; i < 4; i++) maxima[i] = larger(load<Floats>(z + k + i * kLanes), maxima[i]);
    }
    max = larger(larger(maxima[0], maxima[1]), larger(maxima[2], maxima[3]));
  }
  for (; k < classes; k += kLanes) max = larger(load_along(z + k, classes - k, z[k]), max);
  return max_lane(max);
}

/** The lowest index at which a row has the value `max`; 0 if there is none (another thread may write to the row). */
std::int64_t index_of(const float* z, std::int64_t classes, float max) {
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const std::uint32_t lanes = equal_lanes(load_along(z + k, classes - k, -__builtin_inff()), max);
    if (lanes != 0) return k + __builtin_ctz(lanes);
  }
  return 0;
}

/** The `count` largest elements of a row: those above `least`, and those equal to it up to index `last`. */
struct Largest {
  double least;
  double last;
};

/** 1 in the lanes of the elements, from `k` on, that are among the largest, else 0. */
LILAW_INLINE Reals among(const Largest& largest, Reals elements, std::int64_t k) {
  Reals index;
  for (int i = 0; i < kRealLanes; i++) index[i] = i;
  index += static_cast<double>(k);
  const Longs above = elements > largest.least;
  const Longs equal = (elements == largest.least) & (index <= largest.last);
  return (above | equal) ? Lanes::splat(1) : Lanes::splat(0);
}

/** Maps floats to integers in the same order; -0 is equal to 0. */
LILAW_INLINE Ints order_of(Floats v) {
  const Ints bits = bits_of<Ints>(v + 0.0f);
  return bits ^ ((bits >> 31) & INT32_MAX);
}

/** The float at this place in that order. */
LILAW_INLINE float float_at(std::int32_t place) { return bits_of<float>(place ^ ((place >> 31) & INT32_MAX)); }

/** Number of elements of a row for which a relation holds. */
template <class Relation>
LILAW_INLINE std::int64_t count_if(const float* z, std::int64_t classes, Relation relation) {
  Ints found{};
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const std::int64_t left = classes - k;
    const Ints holds = relation(load_along(z + k, left, 0));
    found += left >= kLanes ? holds : holds & (lane_numbers() < static_cast<std::int32_t>(left));
  }
  return -sum_lanes(found);
}

/** The `count`-th largest of a finite row, found by counting the elements above each: fast for a small `count`. */
float least_by_rank(const float* z, std::int64_t classes, std::int64_t count) {
  Floats least = splat(__builtin_inff());
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const Floats v = load_along(z + k, classes - k, -__builtin_inff());
    Ints above{};
    for (std::int64_t j = 0; j < classes; j++) above -= splat(z[j]) > v;
    least = ((above < static_cast<std::int32_t>(count)) & (v < least)) ? v : least;
  }
  return -max_lane(-least);
}

/** The same, found bit by bit from the highest on, by counting the elements that reach each guess. */
float least_by_bits(const float* z, std::int64_t classes, std::int64_t count) {
  std::uint32_t least = 1u << 31;  // the lowest place
  std::int64_t reached = classes;
  for (int bit = 31; bit >= 0 && reached != count; bit--) {
    const std::uint32_t guess = least + (1u << bit);
    const Ints from = Ints{} + static_cast<std::int32_t>(guess);
    const std::int64_t found = count_if(z, classes, [&](Floats v) { return order_of(v) >= from; });
    if (found < count) continue;
    least = guess;
    reached = found;
  }
  return float_at(static_cast<std::int32_t>(least));
}

/** The `count` largest elements of a finite row, ties to the lowest index. Needs no memory for sorting. */
Largest largest_of(const float* z, std::int64_t classes, std::int64_t count) {
  constexpr std::int64_t kFew = 32;
  const double all = static_cast<double>(classes);
  if (count == 0) return {__builtin_inf(), all};
  if (count == classes) return {-__builtin_inf(), all};
  const float least = classes <= kFew ? least_by_rank(z, classes, count) : least_by_bits(z, classes, count);
  if (count_if(z, classes, [&](Floats v) { return v >= least; }) == count) return {least, all};
  // Some of the elements equal to the least are left out.
  std::int64_t ties = count - count_if(z, classes, [&](Floats v) { return v > least; });
  std::int64_t last = -1;
  for (std::int64_t k = 0; ties > 0 && k < classes; k++) {
    if (z[k] != least) continue;
    last = k;
    ties--;
  }
  return {least, static_cast<double>(last)};
}

/** Floats in a cache line. */
constexpr std::int64_t kLineFloats = 16;
/** Prefetch distance of a scan in floats: at most one block, so rows of the next block arrive during the arithmetic. */
constexpr std::int64_t kAhead = lilaw::kBlockLogits;

/** Number of vectors that are added up as floats before their sum is added to one of doubles. */
constexpr int kFloatSummands = 8;

/** A sum of floats, kept in doubles. */
struct WideSum {
  Reals low{};
  Reals high{};
};

LILAW_INLINE void add(WideSum& sum, Floats part) {
  const Wide wide = widen(part);
  sum.low += wide.low;
  sum.high += wide.high;
}

LILAW_INLINE double total(const WideSum& sum) { return sum_lanes(sum.low + sum.high); }

/** `v`, the elements of a row from `k` on, with 0 in place of element `top`. */
LILAW_INLINE Floats without(Floats v, std::int64_t top, std::int64_t k) {
  return lane_numbers() == static_cast<std::int32_t>(top - k) ? splat(0) : v;
}

/** `v`, with 0 beyond the end of a row that has `left` more elements. */
LILAW_INLINE Floats inside(Floats v, std::int64_t left) {
  return left >= kLanes ? v : lane_numbers() < static_cast<std::int32_t>(left) ? v : splat(0);
}

LILAW_INLINE Floats sum_of(const Floats (&e)[kFloatSummands]) {
  return ((e[0] + e[1]) + (e[2] + e[3])) + ((e[4] + e[5]) + (e[6] + e[7]));
}

/** Length of a stretch: elements of a row whose exponentials are added up as floats, lane by lane. */
constexpr std::int64_t kStretch = kFloatSummands * kLanes;

/**
 * Result of one pass over a row: its largest logits, and the sum of the exponentials, in parts from which the largest
 * exponential can be left out at the end, when its position is known. Subtracting it from the sum would lose all digits
 * in a confident row.
 */
struct RowScan {
  /** For each lane: the largest logit, ignoring NaN, the first stretch that contains it, and that stretch's sum. */
  Floats max = splat(-__builtin_inff());
  Ints stretch{};
  Floats sum{};
  /** Sum of all other stretches. */
  WideSum others;
};

LILAW_INLINE void add_stretch(RowScan& scan, std::int64_t k, Floats max, Floats sum) {
  const Ints larger = max > scan.max;
  add(scan.others, larger ? scan.sum : sum);
  scan.max = larger ? max : scan.max;
  scan.sum = larger ? sum : scan.sum;
  scan.stretch = larger ? Ints{} + static_cast<std::int32_t>(k / kStretch) : scan.stretch;
}

/** Reads a row once. Stores the exponentials, as `exp` scales them, if `kStore`. */
template <bool kStore, class Exp>
RowScan scan_row(const float* z, std::int64_t classes, const Exp& exp, float* exps) {
  RowScan scan;
  std::int64_t k = 0;
  for (; k + kStretch <= classes; k += kStretch) {
    Floats max = scan.max;
    Floats e[kFloatSummands];
    for (std::int64_t i = 0; i < kStretch; i += kLineFloats) __builtin_prefetch(z + k + kAhead + i);
    for (int i = 0; i < kFloatSummands; i++) {
      const Floats part = load<Floats>(z + k + i * kLanes);
      e[i] = Exp::of(exp, part);
      max = larger(part, max);
      if constexpr (kStore) store(exps + k + i * kLanes, e[i]);
    }
    add_stretch(scan, k, max, sum_of(e));
  }
  if (k == classes) return scan;
  Floats max = scan.max;
  Floats sum{};
  for (std::int64_t at = k; at < classes; at += kLanes) {
    const std::int64_t left = classes - at;
    const Floats part = load_along(z + at, left, -__builtin_inff());
    const Floats e = Exp::of(exp, part);
    if constexpr (kStore) store_along(exps + at, left, e);
    max = larger(part, max);
    sum += inside(e, left);
  }
  add_stretch(scan, k, max, sum);
  return scan;
}

/** The lowest index at which a row has its largest logit; 0 if there is none (another thread may write to the row). */
std::int64_t top_of(const RowScan& scan, const float* z, std::int64_t classes, float max) {
  const std::int64_t k = min_lane(scan.max == max ? scan.stretch : Ints{} + INT32_MAX) * kStretch;
  if (k >= classes) return 0;
  return k + index_of(z + k, classes - k < kStretch ? classes - k : kStretch, max);
}

/** Sum over k != top of the scanned exponentials: those stored in `exps`, or computed again if that is null. */
template <class Exp>
double sum_of_rest(const RowScan& scan, const float* z, std::int64_t classes, const Exp& exp, std::int64_t top,
                   const float* exps) {
  const std::int64_t lane = top % kLanes;
  WideSum sum = scan.others;
  add(sum, without(scan.sum, lane, 0));
  // The exponentials added to the largest one: elements of its lane in its stretch.
  const float* from = exps != nullptr ? exps : z;
  const std::int64_t column = top - top % kStretch + lane;
  for (int i = 0; i < kFloatSummands; i += kLanes) {
    Floats part;
    for (int j = 0; j < kLanes; j++) {
      const std::int64_t k = column + (i + j) * kLanes;
      part[j] = from[i + j < kFloatSummands && k < classes ? k : top];
    }
    const Ints number = lane_numbers() + i;
    const Ints k = number * kLanes + static_cast<std::int32_t>(column - top);
    const Ints beside = (k != 0) & (k < static_cast<std::int32_t>(classes - top)) & (number < kFloatSummands);
    add(sum, beside ? (exps != nullptr ? part : Exp::of(exp, part)) : splat(0));
  }
  return total(sum);
}

/** The same if the index of the largest element is known before the row is read. */
template <bool kStore, class Exp>
double sum_of_rest(const float* z, std::int64_t classes, const Exp& exp, std::int64_t top, float* exps) {
  WideSum sum;
  std::int64_t k = 0;
  for (; k + kStretch <= classes; k += kStretch) {
    Floats e[kFloatSummands];
    for (int i = 0; i < kFloatSummands; i++) {
      e[i] = Exp::of(exp, load<Floats>(z + k + i * kLanes));
      if constexpr (kStore) store(exps + k + i * kLanes, e[i]);
    }
    if (k <= top && top < k + kStretch) {
      for (int i = 0; i < kFloatSummands; i++) e[i] = without(e[i], top, k + i * kLanes);
    }
    add(sum, sum_of(e));
  }
  Floats rest{};
  for (; k < classes; k += kLanes) {
    const std::int64_t left = classes - k;
    const Floats e = Exp::of(exp, load_along(z + k, left, -__builtin_inff()));
    if constexpr (kStore) store_along(exps + k, left, e);
    rest += inside(without(e, top, k), left);
  }
  add(sum, rest);
  return total(sum);
}

/** Sums over k != top of exp(z_k - max), without the factor of `exp`, and of its product with t_k. */
struct RestAlong {
  double rest;
  double tangent;
};

template <class Exp>
RestAlong sum_of_rest_along(const float* z, const float* t, std::int64_t classes, const Exp& exp,
                            std::int64_t top) {
  WideSum rest;
  WideSum tangent;
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const std::int64_t left = classes - k;
    const Wide e = widen(inside(without(Exp::of(exp, load_along(z + k, left, z[k])), top, k), left));
    // Products in double: tangents have signs, and the sign of their sum decides.
    const Wide along = widen(load_along(t + k, left, 0));
    rest.low += e.low;
    rest.high += e.high;
    tangent.low += e.low * along.low;
    tangent.high += e.high * along.high;
  }
  return {total(rest), total(tangent)};
}

/**
 * Sums over k != top of exp(z_k - max), without the factor of `exp`, times T_k and times 1 - T_k. Together they are the
 * sum of the exponentials.
 */
struct TransitionSums {
  double along;
  double beside;

  double rest() const { return along + beside; }
};

/** Stores the exponentials, as `exp` scales them, if `kStore`. */
template <bool kStore, class Exp>
TransitionSums sum_of_rest_under(const float* z, const float* transition, std::int64_t classes, const Exp& exp,
                                 std::int64_t top, float* exps) {
  WideSum along;
  WideSum beside;
  std::int64_t k = 0;
  // Fewer at a time than without a matrix: rows of a hundred classes should have some.
  constexpr int kSummands = kFloatSummands / 2;
  for (; k + kSummands * kLanes <= classes; k += kSummands * kLanes) {
    Floats e[kSummands];
    Floats t[kSummands];
    for (int i = 0; i < kSummands; i++) {
      e[i] = Exp::of(exp, load<Floats>(z + k + i * kLanes));
      t[i] = load<Floats>(transition + k + i * kLanes);
      if constexpr (kStore) store(exps + k + i * kLanes, e[i]);
    }
    if (k <= top && top < k + kSummands * kLanes) {
      for (int i = 0; i < kSummands; i++) e[i] = without(e[i], top, k + i * kLanes);
    }
    add(along, (e[0] * t[0] + e[1] * t[1]) + (e[2] * t[2] + e[3] * t[3]));
    add(beside, (e[0] * (1.0f - t[0]) + e[1] * (1.0f - t[1])) + (e[2] * (1.0f - t[2]) + e[3] * (1.0f - t[3])));
  }
  Floats along_part{};
  Floats beside_part{};
  for (; k < classes; k += kLanes) {
    const std::int64_t left = classes - k;
    const Floats all = Exp::of(exp, load_along(z + k, left, -__builtin_inff()));
    if constexpr (kStore) store_along(exps + k, left, all);
    const Floats e = inside(without(all, top, k), left);
    const Floats t = load_along(transition + k, left, 0);
    along_part += e * t;
    beside_part += e * (1.0f - t);
  }
  add(along, along_part);
  add(beside, beside_part);
  return {total(along), total(beside)};
}

struct TransitionSumsAlong {
  TransitionSums of;
  /** Sums over k != top of exp(z_k - max) t_k, and of its product with T_k */
  double tangent;
  double tangent_along;
};

template <class Exp>
TransitionSumsAlong sum_of_rest_along_under(const float* z, const float* tangents, const float* transition,
                                            std::int64_t classes, const Exp& exp, std::int64_t top) {
  WideSum along;
  WideSum beside;
  WideSum tangent;
  WideSum tangent_along;
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const std::int64_t left = classes - k;
    const Wide e = widen(inside(without(Exp::of(exp, load_along(z + k, left, z[k])), top, k), left));
    const Wide t = widen(load_along(transition + k, left, 0));
    const Wide change = widen(load_along(tangents + k, left, 0));
    const Wide joint = {e.low * t.low, e.high * t.high};
    along.low += joint.low;
    along.high += joint.high;
    beside.low += e.low * (1.0 - t.low);
    beside.high += e.high * (1.0 - t.high);
    tangent.low += e.low * change.low;
    tangent.high += e.high * change.high;
    tangent_along.low += joint.low * change.low;
    tangent_along.high += joint.high * change.high;
  }
  return {{total(along), total(beside)}, total(tangent), total(tangent_along)};
}

/** The sum of a row, added up in doubles. */
double sum_of(const float* z, std::int64_t classes) {
  WideSum sum;
  for (std::int64_t k = 0; k < classes; k += kLanes) add(sum, load_along(z + k, classes - k, 0));
  return total(sum);
}

/**
 * A scale as two factors, to be multiplied one after the other. A scale beyond the range of float, on either side, may
 * still give results within it, since exponentials are too large by kExtraExponent. An infinite scale is not split:
 * infinity times an exponential that is 0 is NaN.
 */
struct ScaleSplit {
  double first = 1;
  float second = 1;

  explicit ScaleSplit(double magnitude) {
    if (magnitude < 0x1p-187) {
      // The exponentials of a long row may be as large as 2^122, and its scale as small as the inverse.
      first = 0x1p126;
      second = 0x1p-126f;
    } else if (magnitude < 0x1p-100) {
      first = 0x1p87;
      second = 0x1p-87f;
    } else if (magnitude > 0x1p127 && magnitude - magnitude == 0) {
      first = 0x1p-127;
      second = 0x1p127f;
    }
  }

  float of(double scale) const {
    const double scaled = scale * first;
    // A scale beyond the reach of the split becomes the largest one within it.
    const bool beyond = first < 1 && (scaled > 0x1p127 || scaled < -0x1p127);
    return static_cast<float>(beyond ? (scaled > 0 ? 0x1p127 : -0x1p127) : scaled);
  }
};

/** row_k <- scale * row_k + offset */
void scale_row(float* row, std::int64_t classes, double scale, float offset) {
  const ScaleSplit split(scale < 0 ? -scale : scale);
  const float first = split.of(scale);
  const float second = split.second;
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const std::int64_t left = classes - k;
    store_along(row + k, left, (load_along(row + k, left, 0) * first) * second + offset);
  }
}

/** row_k <- (scale + by_transition * T_k) * row_k */
void scale_row_under(float* row, const float* transition, std::int64_t classes, double scale, double by_transition) {
  const double of_scale = scale < 0 ? -scale : scale;
  const double of_transition = by_transition < 0 ? -by_transition : by_transition;
  const ScaleSplit split(of_scale > of_transition ? of_scale : of_transition);
  const float first = split.of(scale);
  const float by = split.of(by_transition);
  const float second = split.second;
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const std::int64_t left = classes - k;
    const Floats factor = first + by * load_along(transition + k, left, 0);
    store_along(row + k, left, load_along(row + k, left, 0) * factor);
  }
  if (second == 1) return;
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const std::int64_t left = classes - k;
    store_along(row + k, left, load_along(row + k, left, 0) * second);
  }
}

void fill_row(float* row, std::int64_t classes, float value) {
  for (std::int64_t k = 0; k < classes; k += kLanes) store_along(row + k, classes - k, splat(value));
}

}  // namespace
