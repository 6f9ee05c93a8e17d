/**
 * Vectors of one instruction set, through the vector extensions of GCC and Clang, and the functions on them.
 *
 * Included once in each unit that is compiled for an instruction set, with LILAW_LANES floats in a vector. All names
 * are in an anonymous namespace: the linker must not keep code for AVX-512 as the only copy for all units.
 */
#pragma once

#include <cfloat>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__AVX512F__) || defined(__SSE2__)
#include <immintrin.h>
#endif

namespace {

constexpr int kLanes = LILAW_LANES;
/** Lanes of a vector of doubles, which is as wide as one of floats. */
constexpr int kRealLanes = kLanes / 2;

typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef std::int32_t Ints __attribute__((vector_size(4 * kLanes)));
/** Bit patterns: their arithmetic wraps around. */
typedef std::uint32_t FloatBits __attribute__((vector_size(4 * kLanes)));
typedef std::uint64_t RealBits __attribute__((vector_size(8 * kRealLanes)));
typedef float HalfFloats __attribute__((vector_size(4 * kRealLanes)));
typedef double Reals __attribute__((vector_size(8 * kRealLanes)));
typedef std::int64_t Longs __attribute__((vector_size(8 * kRealLanes)));

#define LILAW_INLINE static inline __attribute__((always_inline))

template <class To, class From>
LILAW_INLINE To bits_of(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "a reinterpretation, not a conversion");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <class V, class T>
LILAW_INLINE V load(const T* at) {
  V v;
  std::memcpy(&v, at, sizeof v);
  return v;
}

template <class V, class T>
LILAW_INLINE void store(T* at, V v) {
  std::memcpy(at, &v, sizeof v);
}

LILAW_INLINE Floats splat(float x) { return Floats{} + x; }

LILAW_INLINE Ints lane_numbers() {
  Ints lanes;
  for (int i = 0; i < kLanes; i++) lanes[i] = i;
  return lanes;
}

/** The first `count` < kLanes floats, `fill` in the other lanes. Reads nothing beyond them. */
LILAW_INLINE Floats load_part(const float* at, int count, float fill) {
#if LILAW_LANES == 16 && defined(__AVX512F__)
  return _mm512_mask_loadu_ps(splat(fill), static_cast<__mmask16>((1u << count) - 1), at);
#elif LILAW_LANES == 8 && defined(__AVX2__)
  const Ints inside = lane_numbers() < count;
  const Floats part = _mm256_maskload_ps(at, (__m256i)inside);
  return inside ? part : splat(fill);
#else
  Floats part = splat(fill);
  for (int i = 0; i < count; i++) part[i] = at[i];
  return part;
#endif
}

LILAW_INLINE void store_part(float* at, Floats v, int count) {
#if LILAW_LANES == 16 && defined(__AVX512F__)
  _mm512_mask_storeu_ps(at, static_cast<__mmask16>((1u << count) - 1), v);
#elif LILAW_LANES == 8 && defined(__AVX2__)
  _mm256_maskstore_ps(at, (__m256i)(lane_numbers() < count), v);
#else
  for (int i = 0; i < count; i++) at[i] = v[i];
#endif
}

/** A bit for each lane in which v equals x. */
LILAW_INLINE std::uint32_t equal_lanes(Floats v, float x) {
#if LILAW_LANES == 16 && defined(__AVX512F__)
  return _mm512_cmpeq_ps_mask(v, splat(x));
#elif LILAW_LANES == 8 && defined(__AVX2__)
  return _mm256_movemask_ps(_mm256_cmp_ps(v, splat(x), _CMP_EQ_OQ));
#elif LILAW_LANES == 4 && defined(__SSE2__)
  return _mm_movemask_ps(_mm_cmpeq_ps(v, splat(x)));
#else
  std::uint32_t equal = 0;
  for (int i = 0; i < kLanes; i++) equal |= (v[i] == x ? 1u : 0u) << i;
  return equal;
#endif
}

/** The larger of each lane; a NaN in `a` gives b. Rows with NaN are detected by their sum, not by their maximum. */
LILAW_INLINE Floats larger(Floats a, Floats b) { return a > b ? a : b; }

typedef float Quad __attribute__((vector_size(16)));

LILAW_INLINE float max_lane(Floats v) {
  Quad part[kLanes / 4];
  std::memcpy(part, &v, sizeof v);
  Quad all = part[0];
  for (int i = 1; i < kLanes / 4; i++) all = all > part[i] ? all : part[i];
  const float low = all[0] > all[1] ? all[0] : all[1];
  const float high = all[2] > all[3] ? all[2] : all[3];
  return low > high ? low : high;
}

typedef std::int32_t IntQuad __attribute__((vector_size(16)));

LILAW_INLINE std::int32_t min_lane(Ints v) {
  IntQuad part[kLanes / 4];
  std::memcpy(part, &v, sizeof v);
  IntQuad all = part[0];
  for (int i = 1; i < kLanes / 4; i++) all = all < part[i] ? all : part[i];
  const std::int32_t low = all[0] < all[1] ? all[0] : all[1];
  const std::int32_t high = all[2] < all[3] ? all[2] : all[3];
  return low < high ? low : high;
}

LILAW_INLINE std::int32_t sum_lanes(Ints v) {
  IntQuad part[kLanes / 4];
  std::memcpy(part, &v, sizeof v);
  IntQuad all = part[0];
  for (int i = 1; i < kLanes / 4; i++) all += part[i];
  return (all[0] + all[1]) + (all[2] + all[3]);
}

/** An intrinsic for AVX-512, since GCC splits this conversion in two. */
LILAW_INLINE Reals to_reals(HalfFloats v) {
#if LILAW_LANES == 16 && defined(__AVX512F__)
  return _mm512_cvtps_pd(v);
#else
  return __builtin_convertvector(v, Reals);
#endif
}

LILAW_INLINE HalfFloats to_floats(Reals v) {
#if LILAW_LANES == 16 && defined(__AVX512F__)
  return _mm512_cvtpd_ps(v);
#else
  return __builtin_convertvector(v, HalfFloats);
#endif
}

/** The two halves of a vector as doubles. */
struct Wide {
  Reals low;
  Reals high;
};

LILAW_INLINE Wide widen(Floats v) {
  HalfFloats half[2];
  std::memcpy(half, &v, sizeof v);
  return {to_reals(half[0]), to_reals(half[1])};
}

/** The sum of all lanes, in a fixed order. */
LILAW_INLINE double sum_lanes(Reals v) {
  typedef double Pair __attribute__((vector_size(16)));
  Pair part[kRealLanes / 2];
  std::memcpy(part, &v, sizeof v);
  Pair all = part[0];
  for (int i = 1; i < kRealLanes / 2; i++) all += part[i];
  return all[0] + all[1];
}

/** 1.5 * 2^23 and 1.5 * 2^52: adding it rounds a number to an integer, which is then in the low bits. */
constexpr float kFloatRounder = 12582912.0f;
constexpr double kRealRounder = 6755399441055744.0;

/** exp(r) for |r| <= ln(2) / 2, to 3e-9 before rounding. */
LILAW_INLINE Floats exp_of_remainder(Floats r) {
  Floats p = splat(0.00139504916f);
  p = p * r + 0.0083688898f;
  p = p * r + 0.041666206f;
  p = p * r + 0.166665182f;
  p = p * r + 0.5f;
  return 1.0f + (r + r * r * p);
}

/** x - n ln 2 / parts, with ln 2 as a sum: the first part of it is short enough for n times it to be exact. */
LILAW_INLINE Floats minus_ln2(Floats x, Floats n, float parts) {
  return (x - n * (0.693359375f / parts)) - n * (-2.12194440e-4f / parts);
}

/**
 * Power of 2 by which the exponentials below are too large, so that none above exp(-130) falls below the normal floats.
 * The gradient is still exact if it falls below them itself.
 */
constexpr int kExtraExponent = 64;
/** A logit may be larger by this much than the one that exponentials are scaled by; their sums still fit in a float. */
constexpr float kMostRise = 40;
constexpr double kLn2 = 0.6931471805599453;

/** 0 if x is finite, else NaN, so that a sum shows non-finite elements. */
LILAW_INLINE Floats zero_if_finite(Floats x) { return x - x; }

/**
 * exp(z - max) for the logits z of a row, to about one ulp: the fast way, for |max| <= kLimit. `near` is the largest of
 * the logits read so far, which may be less than the maximum.
 *
 * The difference itself is never formed, as its rounding error alone would cost 32 ulp at z - max = -70. Instead z is
 * split into n ln 2 + r, and `near` into exponent * ln 2 and a rest that is not used: results are too large by the
 * factor exp(remainder(max)). Below exp(near - 130) they are 0; of an infinite z, NaN.
 */
class ScaledExp {
 public:
  /** Beyond this limit, the error of n ln 2 as a float would show. */
  static constexpr float kLimit = 2000;

  explicit ScaledExp(float near)
      : exponent_((near * 1.4426950408889634 + kRealRounder) - kRealRounder - kExtraExponent),
        least_(splat(near - 130.0f)),
        rounder_(splat(kFloatRounder - kParts * static_cast<float>(exponent_))) {}

  double remainder(float max) const { return max - exponent_ * kLn2; }

  LILAW_INLINE Floats of(const ScaledExp& self, Floats z) {
    // n in the low bits, less the exponent.
    const Floats shifted = z * (kParts * 1.44269504088896341f) + self.rounder_;
    const Floats n = shifted - self.rounder_;
#if LILAW_LANES == 16 && defined(__AVX512F__)
    const Floats r = minus_ln2(z, n, kParts);
    const Floats power = bits_of<Floats>(sixteenth_powers(shifted) + (bits_of<FloatBits>(shifted) << 19));
    const Floats exp = power + (power * r) * (1.0f + r * (0.5f + r * 0.166666667f));
#else
    // A product, not a sum of exponent bits, so that a NaN remains a NaN.
    const Floats power = bits_of<Floats>((bits_of<FloatBits>(shifted) << 23) + (127u << 23));
    const Floats exp = exp_of_remainder(minus_ln2(z, n, kParts)) * power;
#endif
    return z < self.least_ ? zero_if_finite(z) : exp;
  }

 private:
#if LILAW_LANES == 16 && defined(__AVX512F__)
  /** n counts sixteenths of ln 2: a register holds their powers of two, and r is small enough for a cubic. */
  static constexpr float kParts = 16;

  /** The bits of 2^(i/16), i the low bits of a number, less i in the place where that number shifted by 19 has it. */
  LILAW_INLINE FloatBits sixteenth_powers(Floats number) {
    const FloatBits powers = {0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532,
                              0x3f75fed7, 0x3f75583f, 0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c,
                              0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d};
    return bits_of<FloatBits>(_mm512_permutexvar_epi32(bits_of<__m512i>(number), bits_of<__m512i>(powers)));
  }
#else
  static constexpr float kParts = 1;
#endif

  double exponent_;
  Floats least_;
  Floats rounder_;
};

/** The same for any finite `near`: the difference is formed, and its rounding error (two-sum) carried along. */
class DifferenceExp {
 public:
  explicit DifferenceExp(float near) : near_(splat(near)) {}

  double remainder(float max) const { return (max - static_cast<double>(near_[0])) + kExtraExponent * kLn2; }

  LILAW_INLINE Floats of(const DifferenceExp& self, Floats z) {
    const Floats difference = z - self.near_;
    const Floats minus_near = difference - z;
    const Floats error = (z - (difference - minus_near)) - (self.near_ + minus_near);
    const Floats shifted = difference * 1.44269504088896341f + kFloatRounder;
    const Floats r = minus_ln2(difference, shifted - kFloatRounder, 1) + error;
    const Floats power_of_two = bits_of<Floats>((bits_of<FloatBits>(shifted) << 23) + ((127u + kExtraExponent) << 23));
    return difference < -130.0f ? zero_if_finite(z) : exp_of_remainder(r) * power_of_two;
  }

 private:
  Floats near_;
};

/** The arithmetic of src/math on doubles, a row a lane, to about 1e-14: plenty for results of float32. */
struct Lanes {
  using Real = Reals;

  LILAW_INLINE Reals splat(double x) { return Reals{} + x; }

  LILAW_INLINE Reals abs(Reals x) { return bits_of<Reals>(bits_of<Longs>(x) & INT64_MAX); }

  LILAW_INLINE Reals exp(Reals x) {
    const Reals below = x < -708.0 ? splat(-708.0) : x;
    const Reals bounded = below > 709.0 ? splat(709.0) : below;
    const Reals shifted = bounded * 1.4426950408889634 + kRealRounder;
    const Reals n = shifted - kRealRounder;
    const Reals r = (bounded - n * 0.6931471803691238) - n * 1.9082149292705877e-10;
    Reals p = splat(2.7643908702478824e-06);
    p = p * r + 2.4882276552690507e-05;
    p = p * r + 0.00019841162638575659;
    p = p * r + 0.0013888807585132295;
    p = p * r + 0.0083333333888970032;
    p = p * r + 0.041666666988973519;
    p = p * r + 0.16666666666567273;
    p = p * r + 0.49999999999604283;
    const Reals mantissa = 1.0 + (r + r * r * p);
    const Reals power_of_two = bits_of<Reals>((bits_of<RealBits>(shifted) << 52) + 0x3ff0000000000000u);
    return x < -708.0 ? splat(0) : mantissa * power_of_two;
  }

  /** log(x) of a positive normal number; the result for any other x is meaningless. */
  LILAW_INLINE Reals log(Reals x) {
    // Splits x into 2^exponent and a mantissa in [sqrt(1/2), sqrt(2)).
    const std::uint64_t sqrt_half = 0x3fe6a09e667f3bcdu;
    const RealBits biased = (bits_of<RealBits>(x) - sqrt_half + (std::uint64_t{1023} << 52)) >> 52;
    const Reals mantissa = bits_of<Reals>(bits_of<RealBits>(x) - ((biased - 1023) << 52));
    // 2^52 + biased, read as a double: no instruction below AVX-512 converts 64-bit integers.
    const Reals exponent = bits_of<Reals>(biased | 0x4330000000000000u) - (4503599627370496.0 + 1023.0);
    const Reals s = (mantissa - 1.0) / (mantissa + 1.0);
    const Reals t = s * s;
    Reals q = splat(0.16819643876044166);
    q = q * t + 0.18123653691545685;
    q = q * t + 0.22223371479433904;
    q = q * t + 0.2857141713025782;
    q = q * t + 0.40000000052288714;
    q = q * t + 0.66666666666587104;
    return exponent * kLn2 + (2.0 * s + s * t * q);
  }

  /** exp(x) - 1 for x <= 0. For small x, the ratio of x to log(exp(x)) corrects the rounding error of exp(x). */
  LILAW_INLINE Reals expm1(Reals x) {
    const Reals power = exp(x);
    const Reals less_one = power - 1.0;
    const auto tiny = less_one == 0.0;
    const auto near = x > -1.0;
    const Reals ratio = x / log(near & ~tiny ? power : splat(0.5));
    return tiny ? x : near ? less_one * ratio : less_one;
  }

  /** log(1 + x) for x >= -1/2. The ratio of x to the number really added to 1 corrects the rounding error of 1 + x. */
  LILAW_INLINE Reals log1p(Reals x) {
    const Reals sum = 1.0 + x;
    const auto tiny = sum == 1.0;
    return tiny ? x : log(sum) * (x / (tiny ? splat(1) : sum - 1.0));
  }

  /** x^y for x in [0, 1] and y >= 0. */
  LILAW_INLINE Reals pow(Reals x, Reals y) {
    const auto zero = x < DBL_MIN;
    const Reals power = exp(y * log(zero ? splat(1) : x));
    return zero ? (y == 0.0 ? splat(1) : splat(0)) : power;
  }
};

}  // namespace
