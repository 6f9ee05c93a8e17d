/** What each instruction set offers the dispatcher: the three operations on a range of rows. */
#pragma once

#include "../math/gradients.h"
#include "lilaw.h"

namespace lilaw {

/** Most rows a kernel holds the statistics of at once. */
constexpr int kMaxBlockRows = 32;

/** Sums over the finite rows of a range. They are added up in the order of the ranges, whoever computed them. */
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

/** So many logits, and their gradient, keep to the second cache and leave room there for those of the next block. */
constexpr std::int64_t kBlockLogits = 32768;

/** Rows a block: as many as that, at least one. Part of what fixes the sums. */
static inline int block_rows(std::int64_t classes) {
  const std::int64_t fitting = kBlockLogits / classes;
  return static_cast<int>(fitting < 1 ? 1 : fitting > kMaxBlockRows ? kMaxBlockRows : fitting);
}

/** The instruction set in use; null if the environment asks for one that is not there, which is the last error. */
const Kernels* kernels();

}  // namespace lilaw
