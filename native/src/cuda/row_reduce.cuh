/** Groups of threads that work on one row. After a reduction, each thread of the group has the result. */
#pragma once

#include <cuda_runtime.h>

#include <climits>
#include <cstdint>
#include <limits>

namespace lilaw::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/** A largest value and its index. */
struct Top {
  float value;
  std::int32_t index;
};

/** Smaller than every logit */
constexpr Top kNothing = {-kInfinity, INT_MAX};

template <class V>
__device__ __forceinline__ V shuffle_xor(V value, int offset) {
  return __shfl_xor_sync(kAllLanes, value, offset);
}

__device__ __forceinline__ Top shuffle_xor(Top top, int offset) {
  return {shuffle_xor(top.value, offset), shuffle_xor(top.index, offset)};
}

struct Sum {
  template <class V>
  __device__ __forceinline__ V operator()(V a, V b) const {
    return a + b;
  }
};

/** The larger of two; of equal ones the one with the lower index. */
struct Larger {
  __device__ __forceinline__ Top operator()(Top a, Top b) const {
    return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
  }
};

/**
 * kThreads threads, a power of two: part of a warp, a warp, or a block of several warps.
 *
 * All threads of a block must make the same calls. A reduction pairs the same threads in every run, so its result has
 * the same bits in every run and in every thread.
 */
template <int kThreads>
class Group {
 public:
  static constexpr int kWarps = (kThreads + kWarp - 1) / kWarp;

  /**
   * In shared memory. The values of the warps have two places in turn, since one may still be read while the other is
   * written.
   */
  struct Storage {
    alignas(8) unsigned char bytes[2][kWarps][8];
  };

  __device__ __forceinline__ explicit Group(Storage& storage) : storage_(storage), turn_(0) {}

  __device__ __forceinline__ int rank() const { return static_cast<int>(threadIdx.x) % kThreads; }

  template <class V, class Combine>
  __device__ __forceinline__ V reduce(V value, Combine combine) {
    constexpr int kLanes = kThreads < kWarp ? kThreads : kWarp;
#pragma unroll
    for (int offset = kLanes / 2; offset > 0; offset /= 2) value = combine(value, shuffle_xor(value, offset));
    if constexpr (kWarps > 1) {
      static_assert(sizeof(V) <= 8, "a place in the storage");
      V* const places = reinterpret_cast<V*>(storage_.bytes[turn_]);
      turn_ ^= 1;
      const int lane = static_cast<int>(threadIdx.x) % kWarp;
      if (lane == 0) places[threadIdx.x / kWarp] = value;
      __syncthreads();
      value = places[lane % kWarps];
#pragma unroll
      for (int offset = kWarps / 2; offset > 0; offset /= 2) value = combine(value, shuffle_xor(value, offset));
    }
    return value;
  }

 private:
  Storage& storage_;
  int turn_;
};

/** The value of thread `rank` of the group, for groups within a warp. */
template <int kThreads, class V>
__device__ __forceinline__ V broadcast(V value, int rank) {
  static_assert(kThreads <= kWarp, "a shuffle stays within the warp");
  return __shfl_sync(kAllLanes, value, rank, kThreads);
}

}  // namespace lilaw::cuda
