/** Columns of numbers, one for each row of a block, and arrays of rows. */
#pragma once

#include "kernels.h"
#include "labels.h"
#include "row_passes.h"

namespace {

using lilaw::kMaxBlockRows;
using RowLoss = lilaw::RowLoss<Lanes>;
using RowFactors = lilaw::RowFactors<Lanes>;

constexpr double kNaN = __builtin_nan("");

/** A number for each row of a block. */
struct alignas(64) Column {
  double of[kMaxBlockRows] = {};

  double& operator[](int slot) { return of[slot]; }
  double operator[](int slot) const { return of[slot]; }
  /** The numbers of the rows from `slot` on, one in each lane. */
  Reals lanes(int slot) const { return load<Reals>(of + slot); }
  void set_lanes(int slot, Reals values) { store(of + slot, values); }
};

LILAW_INLINE bool finite_number(float x) { return x - x == 0; }

/** The rows of an array of floats, which may be absent. */
struct Matrix {
  float* data;
  std::int64_t stride;

  float* row(std::int64_t i) const { return data == nullptr ? nullptr : data + i * stride; }
};

struct ConstMatrix {
  const float* data;
  std::int64_t stride;

  const float* row(std::int64_t i) const { return data + i * stride; }
};

template <class T>
LILAW_INLINE const T* row_of(const void* data, std::int64_t stride, std::int64_t row) {
  return static_cast<const T*>(data) + row * stride;
}

}  // namespace
