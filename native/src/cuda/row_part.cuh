/** The part of a row of logits that one thread holds in registers. */
#pragma once

#include "elements.cuh"
#include "row_reduce.cuh"

namespace lilaw::cuda {

/**
 * exp(z - max) for float logits z <= max, to about one ulp; 0 below 2^-126 and for -inf.
 *
 * At z - max = -70 the rounding of the difference alone would cost 32 ulp. Its rounding error (two-sum) is therefore
 * added to the remainder of the division by ln 2.
 */
__device__ __forceinline__ float exp_below_exactly(float z, float max) {
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: a sum with it is rounded to an integer, which is in its low bits
  const float difference = fmaxf(z - max, -88.0f);
  const float minus_max = difference - z;
  const float lost = (z - (difference - minus_max)) - (max + minus_max);
  const float rounded = fmaf(difference, 1.44269504088896341f, kRounder);
  const float n = rounded - kRounder;
  // Far below, the difference has been bounded and 2^n is 0. There `lost` may have any value, NaN included.
  const float r = fmaxf(fmaf(n, 2.12194440e-4f, fmaf(n, -0.693359375f, difference)) + lost, -1.0f);
  float p = 0.00139504916f;
  p = fmaf(p, r, 0.0083688898f);
  p = fmaf(p, r, 0.041666206f);
  p = fmaf(p, r, 0.166665182f);
  p = fmaf(p, r, 0.5f);
  const float exp_of_remainder = 1.0f + fmaf(r * r, p, r);
  return exp_of_remainder * __uint_as_float((__float_as_uint(rounded) << 23) + (127u << 23));
}

/**
 * The same for logits of 16 bits, in fewer instructions: a row has half the bytes, so half the time. Within 3 ulp, 2 of
 * which are those of exp2f on a device. The rounding of its argument would cost 50 ulp at z - max = -70; the rounding
 * error is kept in `low`, since 2^(power + low) = 2^power (1 + low ln 2). The difference z - max itself is nearly
 * always exact.
 */
__device__ __forceinline__ float exp_below_shortly(float z, float max) {
  constexpr float kLog2e = 1.44269502162933349609f;
  constexpr float kLog2eLow = 1.92596299112661746887e-8f;
  constexpr float kLn2 = 0.693147180559945309417f;
  const float difference = fmaxf(z - max, -128.0f);
  const float power = difference * kLog2e;
  const float low = fmaf(difference, kLog2eLow, fmaf(difference, kLog2e, -power));
  const float near = exp2f(power);
  return fmaf(near * kLn2, low, near);
}

/** exp(z - max) of logits of type T, held as floats. */
template <class T>
__device__ __forceinline__ float exp_below(float z, float max) {
  return sizeof(T) == sizeof(float) ? exp_below_exactly(z, max) : exp_below_shortly(z, max);
}

/**
 * kValues logits of a row in each of kThreads threads: the wide vectors rank, rank + kThreads, ... from `start` on.
 *
 * The address of a vector is a multiple of its size, wherever the row begins. The first vector may begin `shift`
 * elements before the row, and the last may end after it; the elements of these two are read and written one by one.
 * Elements outside of the row read as -inf.
 */
template <class T, int kThreads, int kValues>
class RowPart {
 public:
  static constexpr int kPerVector = kWidth<T>;
  static constexpr int kVectors = kValues / kPerVector;
  static constexpr int kCapacity = kThreads * kValues;
  static_assert(kValues % kPerVector == 0, "whole vectors");

  /** False if a logit is NaN or infinite. `start` is a multiple of kCapacity. */
  __device__ __forceinline__ bool load(const T* row, int classes, int start, int rank) {
    first_ = start + rank * kPerVector - misalignment(row);
    bool finite = true;
#pragma unroll
    for (int j = 0; j < kVectors; j++) {
      float* const values = z_ + j * kPerVector;
      const int at = index(j);
      if (is_inside(at, classes)) {
        const Vector<T> vector = load_vector(row + at);
#pragma unroll
        for (int w = 0; w < kPerVector; w++) {
          values[w] = to_float(vector.values[w]);
          finite = finite && fabsf(values[w]) < kInfinity;
        }
      } else {
#pragma unroll
        for (int w = 0; w < kPerVector; w++) {
          values[w] = -kInfinity;
          if (!has(at + w, classes)) continue;
          values[w] = to_float(row[at + w]);
          finite = finite && fabsf(values[w]) < kInfinity;
        }
      }
    }
    return finite;
  }

  __device__ __forceinline__ Top top() const {
    Top top = kNothing;
#pragma unroll
    for (int i = 0; i < kValues; i++) {
      if (z_[i] > top.value) top = {z_[i], index(i / kPerVector) + i % kPerVector};
    }
    return top;
  }

  /** sum of z - max */
  __device__ __forceinline__ float shifted_sum(float max, int classes) const {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kValues; i++) {
      if (has(index(i / kPerVector) + i % kPerVector, classes)) sum += z_[i] - max;
    }
    return sum;
  }

  /** Replaces each logit z by exp(z - max), and returns the sum of all but the one at index `top`. */
  __device__ __forceinline__ double exponentials(Top top) {
    // Eight at a time are added in pairs as floats, and these sums as doubles: small errors with few doubles.
    constexpr int kSummands = 8;
    double sum = 0;
#pragma unroll
    for (int from = 0; from < kValues; from += kSummands) {
      float sums[kSummands];
#pragma unroll
      for (int i = 0; i < kSummands; i++) {
        const int at = from + i;
        z_[at] = exp_below<T>(z_[at], top.value);
        sums[i] = index(at / kPerVector) + at % kPerVector != top.index ? z_[at] : 0.0f;
      }
#pragma unroll
      for (int w = kSummands / 2; w > 0; w /= 2) {
#pragma unroll
        for (int i = 0; i < w; i++) sums[i] += sums[i + w];
      }
      sum += sums[0];
    }
    return sum;
  }

  /** Writes scale * value + offset for each value that the thread holds. */
  __device__ __forceinline__ void store(T* row, int classes, float scale, float offset) const {
    const bool aligned = misalignment(row) == misaligned(first_);
#pragma unroll
    for (int j = 0; j < kVectors; j++) {
      const float* const values = z_ + j * kPerVector;
      const int at = index(j);
      if (aligned && is_inside(at, classes)) {
        Vector<T> vector;
#pragma unroll
        for (int w = 0; w < kPerVector; w++) vector.values[w] = from_float<T>(fmaf(scale, values[w], offset));
        store_vector(row + at, vector);
      } else {
#pragma unroll
        for (int w = 0; w < kPerVector; w++) {
          if (has(at + w, classes)) row[at + w] = from_float<T>(fmaf(scale, values[w], offset));
        }
      }
    }
  }

  /** Whether `store` of this thread writes the element `at`. */
  __device__ __forceinline__ bool owns(int at) const {
    const int ahead = at - first_;
    return ahead >= 0 && ahead < kCapacity && ahead / kPerVector % kThreads == 0;
  }

  /**
   * sum over k of (scale * value_k + offset) * row_k over the values that the thread holds, without the elements a and
   * b.
   */
  __device__ __forceinline__ float dot(const T* row, int classes, float scale, float offset, int a, int b) const {
    const bool aligned = misalignment(row) == misaligned(first_);
    float sum = 0;
#pragma unroll
    for (int j = 0; j < kVectors; j++) {
      const float* const values = z_ + j * kPerVector;
      const int at = index(j);
      float factors[kPerVector];
      if (aligned && is_inside(at, classes)) {
        const Vector<T> vector = load_vector(row + at);
#pragma unroll
        for (int w = 0; w < kPerVector; w++) factors[w] = to_float(vector.values[w]);
      } else {
#pragma unroll
        for (int w = 0; w < kPerVector; w++) factors[w] = has(at + w, classes) ? to_float(row[at + w]) : 0.0f;
      }
#pragma unroll
      for (int w = 0; w < kPerVector; w++) {
        if (at + w != a && at + w != b) sum = fmaf(fmaf(scale, values[w], offset), factors[w], sum);
      }
    }
    return sum;
  }

 private:
  /** Index in the row of the first element of vector j. */
  __device__ __forceinline__ int index(int j) const { return first_ + j * kThreads * kPerVector; }

  static __device__ __forceinline__ bool has(int at, int classes) { return at >= 0 && at < classes; }
  static __device__ __forceinline__ bool is_inside(int at, int classes) {
    return at >= 0 && at + kPerVector <= classes;
  }

  /** The shift of a row with which its element `at` is at a multiple of kVectorBytes. */
  static __device__ __forceinline__ int misaligned(int at) { return -at & (kPerVector - 1); }

  float z_[kValues];
  int first_;
};

}  // namespace lilaw::cuda
