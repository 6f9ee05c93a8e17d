/** The part of a row of logits that one thread holds in registers. */
#pragma once

#include "elements.cuh"
#include "row_reduce.cuh"

namespace lilaw::cuda {

/**
 * exp(z - max) for z <= max, within 3 ulp; 0 where that is below the smallest float, -inf included.
 *
 * exp2f has a 2-ulp error on the device, but its argument would bring more: at z - max = -70, rounding the difference
 * and its product with log2(e) costs 50 ulp. So what these roundings lose is carried along in `low`, and
 * 2^(power + low) = 2^power (1 + low ln 2). Where differences of T are exact as floats, nothing is lost in them.
 */
template <class T>
__device__ __forceinline__ float exp_below(float z, float max) {
  constexpr float kLog2e = 1.44269502162933349609f;
  constexpr float kLog2eLow = 1.92596299112661746887e-8f;
  constexpr float kLn2 = 0.693147180559945309417f;
  const float difference = fmaxf(z - max, -128.0f);
  const float power = difference * kLog2e;
  float low = fmaf(difference, kLog2eLow, fmaf(difference, kLog2e, -power));
  if constexpr (sizeof(T) == sizeof(float)) {
    const float minus_max = difference - z;
    const float lost = (z - (difference - minus_max)) - (max + minus_max);
    // Far below, where the difference has been bounded and the result is 0, `lost` may be anything, NaN too.
    low = fmaxf(fmaf(lost, kLog2e, low), -1.0f);
  }
  const float near = exp2f(power);
  return fmaf(near * kLn2, low, near);
}

/**
 * kValues logits of a row in each of kThreads threads: wide vectors rank, rank + kThreads, ... counted from `start`.
 *
 * Vectors lie at multiples of their size in memory, wherever the row begins: the first of them may hang over the
 * front of the row by `shift` elements and the last over its end; these two are read and written by the element.
 * Elements outside the row read as -inf.
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

  /** Puts exp(z - max) in the place of each logit z, and adds up those of other indices than `top`. */
  __device__ __forceinline__ float exponentials(Top top) {
    // A sum for each place of a vector: short chains, and small errors.
    float sums[kPerVector] = {};
#pragma unroll
    for (int i = 0; i < kValues; i++) {
      z_[i] = exp_below<T>(z_[i], top.value);
      if (index(i / kPerVector) + i % kPerVector != top.index) sums[i % kPerVector] += z_[i];
    }
#pragma unroll
    for (int w = kPerVector / 2; w > 0; w /= 2) {
#pragma unroll
      for (int i = 0; i < w; i++) sums[i] += sums[i + w];
    }
    return sums[0];
  }

  /** Writes scale * (the value held) + offset. */
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

  /** Whether this thread writes the element `at` in `store`. */
  __device__ __forceinline__ bool owns(int at) const {
    const int ahead = at - first_;
    return ahead >= 0 && ahead < kCapacity && ahead / kPerVector % kThreads == 0;
  }

  /** sum over k of (scale * (the value held) + offset) * row_k, without the elements a and b. */
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

  /** By how many elements a row must be misaligned for its element `at` to lie at a multiple of kVectorBytes. */
  static __device__ __forceinline__ int misaligned(int at) { return -at & (kPerVector - 1); }

  float z_[kValues];
  int first_;
};

}  // namespace lilaw::cuda
