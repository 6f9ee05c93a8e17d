/** The functions that each instruction set provides: the three operations on a range of rows. */
#pragma once

#include "../math/gradients.h"
#include "lilaw.h"

namespace lilaw {

/** Largest number of rows in a block. */
constexpr int kMaxBlockRows = 32;

/** Sums over the finite rows of a range. They are added in the order of the ranges, whichever thread computed them. */
struct WeightedLossSums {
  double objective = 0;
  double weight = 0;
  double alpha = 0;
  double beta = 0;
  double delta = 0;
  std::int64_t finite_rows = 0;
};

struct MetaGradientSums {
  double alpha = 0;
  double beta = 0;
  double delta = 0;
  double objective = 0;
  std::int64_t finite_rows = 0;
};

struct AlignmentSums {
  double positive = 0;
  std::int64_t finite_rows = 0;
};

struct RowRange {
  std::int64_t first;
  std::int64_t last;
};

/** One instruction set. The functions allocate nothing, so they cannot fail. */
struct Kernels {
  const char* isa;
  WeightedLossSums (*weighted_loss)(const lilaw_weighted_loss_args&, const BatchMeans&, RowRange) noexcept;
  MetaGradientSums (*meta_gradient)(const lilaw_meta_gradient_args&, RowRange) noexcept;
  /** Writes alignments, unclamped and divided by `divisor`, to `out` unless it is null. The sums are undivided. */
  AlignmentSums (*alignments)(const lilaw_alignment_weights_args&, double divisor, float* out, RowRange) noexcept;
};

/** Logits in a block: they and their gradient fit into the second-level cache together with those of the next block. */
constexpr std::int64_t kBlockLogits = 32768;

/** Rows in a block: as many as have that number of logits, at least one. The order of the sums depends on it. */
static inline int block_rows(std::int64_t classes) {
  const std::int64_t fitting = kBlockLogits / classes;
  return static_cast<int>(fitting < 1 ? 1 : fitting > kMaxBlockRows ? kMaxBlockRows : fitting);
}

/** The instruction set in use; null, with a last error, if the environment asks for one that is not available. */
const Kernels* kernels();

}  // namespace lilaw
