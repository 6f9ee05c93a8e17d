/** The number types that logits, tangents and gradients may have. All arithmetic on them is float32 or better. */
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "lilaw.h"

namespace lilaw::cuda {

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(__half x) { return __half2float(x); }
__device__ __forceinline__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

template <class T>
__device__ __forceinline__ T from_float(float x);
template <>
__device__ __forceinline__ float from_float<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ __half from_float<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

/** Bytes of the widest load and store of a thread. */
constexpr int kVectorBytes = 16;

template <class T>
constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));

/** The elements of one wide load or store. The address must be a multiple of its size. */
template <class T>
struct Vector {
  T values[kWidth<T>];
};

// Intrinsics, because the compiler splits a plain copy into four narrow ones if it does not know the alignment.
template <class T>
__device__ __forceinline__ Vector<T> load_vector(const T* at) {
  const uint4 bits = __ldcg(reinterpret_cast<const uint4*>(at));
  Vector<T> vector;
  memcpy(&vector, &bits, sizeof bits);
  return vector;
}

template <class T>
__device__ __forceinline__ void store_vector(T* at, const Vector<T>& vector) {
  uint4 bits;
  memcpy(&bits, &vector, sizeof bits);
  __stcg(reinterpret_cast<uint4*>(at), bits);
}

/** Distance of an address from the multiple of kVectorBytes before it, in elements. */
template <class T>
__device__ __forceinline__ int misalignment(const T* at) {
  return static_cast<int>(reinterpret_cast<std::uintptr_t>(at) % kVectorBytes / sizeof(T));
}

/** Calls visit(T()) with the type that a lilaw_dtype names. */
template <class Visit>
auto with_element(std::int32_t dtype, Visit visit) {
  switch (dtype) {
    case LILAW_FLOAT16:
      return visit(__half());
    case LILAW_BFLOAT16:
      return visit(__nv_bfloat16());
    default:
      return visit(0.0f);
  }
}

}  // namespace lilaw::cuda
