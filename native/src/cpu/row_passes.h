/** Passes over one row of floats, vectors along the classes. */
#pragma once

#include "vectors.h"

namespace {

/** A part of a row that has `left` more elements; `fill` beyond its end. */
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

/** Largest of a row, NaN aside; -inf if there is nothing else. */
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

/** The lowest index at which a row has the value `max`; 0 if it has not (another thread may write to it). */
std::int64_t index_of(const float* z, std::int64_t classes, float max) {
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const int lane = first_equal(load_along(z + k, classes - k, -__builtin_inff()), max);
    if (lane >= 0) return k + lane;
  }
  return 0;
}

/** Floats in a line of the cache. */
constexpr std::int64_t kLineFloats = 16;

/** Vectors of floats that are added up as floats before their sum goes on as doubles. */
constexpr int kFloatSummands = 8;

/** A sum of floats that is a double. */
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

/** `v`, with 0 in the place of element `top` of a row if it is among those from `k` on. */
LILAW_INLINE Floats without(Floats v, std::int64_t top, std::int64_t k) {
  return lane_numbers() == static_cast<std::int32_t>(top - k) ? splat(0) : v;
}

/** `v`, with 0 beyond the end of a row that has `left` more elements. */
LILAW_INLINE Floats inside(Floats v, std::int64_t left) {
  return left >= kLanes ? v : lane_numbers() < static_cast<std::int32_t>(left) ? v : splat(0);
}

/**
 * sum over k != top of exp(z_k - max), but for the factor of `exp`; stores all of them if `exps` is not null. Meanwhile
 * `ahead`, a row that will be read soon, is fetched: this pass waits for arithmetic, that of the maximum for memory.
 */
template <bool kStore, class Exp>
double sum_of_rest(const float* z, std::int64_t classes, const Exp& exp, std::int64_t top, float* exps,
                   const float* ahead) {
  constexpr std::int64_t kStretch = kFloatSummands * kLanes;
  WideSum sum;
  std::int64_t k = 0;
  for (; k + kStretch <= classes; k += kStretch) {
    Floats e[kFloatSummands];
    for (std::int64_t i = 0; i < kStretch; i += kLineFloats) __builtin_prefetch(ahead + k + i);
    for (int i = 0; i < kFloatSummands; i++) {
      e[i] = Exp::of(exp, load<Floats>(z + k + i * kLanes));
      if constexpr (kStore) store(exps + k + i * kLanes, e[i]);
    }
    if (k <= top && top < k + kStretch) {
      for (int i = 0; i < kFloatSummands; i++) e[i] = without(e[i], top, k + i * kLanes);
    }
    add(sum, ((e[0] + e[1]) + (e[2] + e[3])) + ((e[4] + e[5]) + (e[6] + e[7])));
  }
  Floats rest{};
  for (; k + kLanes <= classes; k += kLanes) {
    const Floats e = Exp::of(exp, load<Floats>(z + k));
    if constexpr (kStore) store(exps + k, e);
    rest += without(e, top, k);
  }
  if (k < classes) {
    const int left = static_cast<int>(classes - k);
    const Floats e = Exp::of(exp, load_part(z + k, left, z[k]));
    if constexpr (kStore) store_part(exps + k, e, left);
    rest += inside(without(e, top, k), left);
  }
  add(sum, rest);
  return total(sum);
}

/** The same sum, and the one of exp(z_k - max) t_k over k != top. */
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

/** The sum of a row, every number as a double. */
double sum_of(const float* z, std::int64_t classes) {
  WideSum sum;
  for (std::int64_t k = 0; k < classes; k += kLanes) add(sum, load_along(z + k, classes - k, 0));
  return total(sum);
}

/** row_k <- scale * row_k + offset */
void scale_row(float* row, std::int64_t classes, double scale, float offset) {
  // A scale below the range of float may still give results within: exponentials are large by kExtraExponent.
  const bool tiny = -0x1p-100 < scale && scale < 0x1p-100;
  const float first = static_cast<float>(tiny ? scale * 0x1p87 : scale);
  const float second = tiny ? 0x1p-87f : 1.0f;
  for (std::int64_t k = 0; k < classes; k += kLanes) {
    const std::int64_t left = classes - k;
    store_along(row + k, left, (load_along(row + k, left, 0) * first) * second + offset);
  }
}

void fill_row(float* row, std::int64_t classes, float value) {
  for (std::int64_t k = 0; k < classes; k += kLanes) store_along(row + k, classes - k, splat(value));
}

}  // namespace
