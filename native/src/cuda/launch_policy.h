/** Chooses the kernel for a shape. No other file decides this. */
#pragma once

#include <cstdint>

#include "../math/loss_traits.h"
#include "multi_label_rows.cuh"
#include "single_rows.cuh"
#include "softmax_rows.cuh"
#include "transition_rows.cuh"

namespace lilaw::cuda {

/**
 * Softmax rows of up to threads * values classes stay in the registers of `threads` threads. Each thread holds `values`
 * logits of each of `rows` rows. With several rows the threads divide the work on the scalars of the rows; with as many
 * rows as threads, no scalar is computed twice.
 */
struct Tile {
  int threads;
  int values;
  int rows;
  int block;

  constexpr int capacity() const { return threads * values; }
};

constexpr Tile kTiles[] = {
    {2, 8, 2, 128},    //    16 classes
    {4, 8, 2, 128},    //    32
    {4, 16, 2, 128},   //    64
    {4, 32, 1, 128},   //   128
    {8, 32, 1, 128},   //   256
    {16, 32, 1, 128},  //   512
    {32, 32, 1, 128},  //  1024
    {64, 32, 1, 64},   //  2048
    {128, 32, 1, 128}, //  4096
    {256, 32, 1, 256}, //  8192
    {512, 32, 1, 512}, // 16384
};
constexpr int kTileCount = sizeof kTiles / sizeof kTiles[0];

/** Longer rows are read twice, by a block of kThreads threads that each take kValues values at a time. */
constexpr int kStreamThreads = 512;
constexpr int kStreamValues = 16;

constexpr int kSingleBlock = 128;

/** With a transition matrix, a row of any length is computed by one block. */
constexpr int kTransitionThreads = 128;

/** Multi-label: a row of up to this many classes is computed by one warp, a longer one by one block. */
constexpr int kMultiLabelWarpClasses = 1024;
constexpr int kMultiLabelBlock = 256;

/**
 * Threads that a multiprocessor should hold at once. This bounds the registers of a thread: 128 with 512 threads, 168
 * with 384. With more threads the registers would spill, with fewer too few loads would be in flight.
 */
constexpr int kRowPassThreads = 512;
/** Two short rows at once need no more registers than one long row in a row pass. */
template <class Rows>
constexpr int kAlignmentThreads = Rows::kRows > 1 ? kRowPassThreads : 384;

template <class Rows>
constexpr int blocks_at_once(int threads) {
  return threads < Rows::kBlock ? 1 : threads / Rows::kBlock;
}

#if !defined(LILAW_MOST_BLOCKS)
#define LILAW_MOST_BLOCKS 4096
#endif

/**
 * Largest number of blocks, which loop over the rows. It is the same on every device, because it fixes the order of the
 * sums. Tests on the host make it small, so that blocks loop there too.
 */
constexpr std::int64_t kMostBlocks = LILAW_MOST_BLOCKS;

/** Indices within a row are int32, and may go one tile beyond the end of the row. */
constexpr std::int64_t kMostClasses = std::int64_t{1} << 30;

/** Classes of a row, and the elements before it in its first wide vector. */
template <class T>
std::int64_t span(const lilaw_batch& batch) {
  const auto address = reinterpret_cast<std::uintptr_t>(batch.logits);
  const bool aligned = address % kVectorBytes == 0 && batch.logits_stride % kWidth<T> == 0;
  return batch.classes + (aligned ? 0 : kWidth<T> - 1);
}

/** Names a class of rows without creating an object of it. */
template <class Rows>
struct RowsOf {
  using Type = Rows;
};

template <class T, int kTile = 0, class Visit>
auto with_softmax_rows(std::int64_t span, Visit visit) {
  if constexpr (kTile < kTileCount) {
    constexpr Tile tile = kTiles[kTile];
    if (span > tile.capacity()) return with_softmax_rows<T, kTile + 1>(span, visit);
    return visit(RowsOf<RegisterRows<T, tile.threads, tile.values, tile.rows, tile.block>>());
  } else {
    return visit(RowsOf<StreamedRows<T, kStreamThreads, kStreamValues>>());
  }
}

/** Calls visit(RowsOf<Rows>()) with the class of rows for a batch of elements T. */
template <class T, class Visit>
auto with_rows(const lilaw_batch& batch, Visit visit) {
  switch (traits_of(batch.loss).label) {
    case LabelType::kBinary:
    case LabelType::kTarget:
      return visit(RowsOf<SingleRows<T, kSingleBlock>>());
    case LabelType::kFlags:
      if (batch.classes <= kMultiLabelWarpClasses) return visit(RowsOf<MultiLabelRows<T, kWarp, 128>>());
      return visit(RowsOf<MultiLabelRows<T, kMultiLabelBlock, kMultiLabelBlock>>());
    default:
      if (batch.transition != nullptr) return visit(RowsOf<TransitionRows<T, kTransitionThreads>>());
      return with_softmax_rows<T>(span<T>(batch), visit);
  }
}

template <class Rows>
constexpr int kRowsPerBlock = Rows::kBlock / Rows::kThreads * Rows::kRows;

template <class Rows>
unsigned blocks_for(std::int64_t rows) {
  const std::int64_t blocks = (rows + kRowsPerBlock<Rows> - 1) / kRowsPerBlock<Rows>;
  return static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks);
}

}  // namespace lilaw::cuda
