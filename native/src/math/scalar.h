/**
 * The arithmetic that the row mathematics is written in.
 *
 * All of src/math is templates over an arithmetic M: `M::Real` is its number type and its static functions are the
 * few that have no operator. `Scalar<float>` and `Scalar<double>` below serve CUDA kernels and tails; the CPU kernels
 * use one whose Real is a vector of doubles, one lane for each row. So a choice is always written `condition ? a : b`,
 * which means the same for numbers and for vectors, and never as a branch.
 *
 * Everything is static: the linker must not use code compiled for one instruction set in a unit for another.
 */
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define LILAW_HD static __host__ __device__ __forceinline__
#else
#define LILAW_HD static inline __attribute__((always_inline))
#endif

namespace lilaw {

template <class T>
struct Scalar {
  using Real = T;

  LILAW_HD T splat(double x) { return static_cast<T>(x); }
  LILAW_HD T exp(T x) { return std::exp(x); }
  LILAW_HD T log(T x) { return std::log(x); }
  LILAW_HD T log1p(T x) { return std::log1p(x); }
  LILAW_HD T expm1(T x) { return std::expm1(x); }
  /** x^y for x in [0, 1] and y >= 0, with 0^0 = 1. */
  LILAW_HD T pow(T x, T y) { return std::pow(x, y); }
  LILAW_HD T abs(T x) { return std::fabs(x); }
};

}  // namespace lilaw
