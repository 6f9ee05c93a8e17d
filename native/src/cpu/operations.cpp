/** The operations of the C ABI on the CPU: checks, the division into ranges of rows, and the sums over them. */
#include <algorithm>
#include <cfloat>
#include <cinttypes>
#include <cmath>
#include <limits>

#include "../common/arguments.h"
#include "../math/loss_traits.h"
#include "../math/meta_step.h"
#include "kernels.h"
#include "labels.h"
#include "thread_pool.h"

namespace lilaw {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/** Largest number of ranges: their sums are on the stack of the caller. */
constexpr std::int64_t kMaxRanges = 512;
/** Smallest number of logits in a range: with fewer, starting a range costs more than better balance saves. */
constexpr std::int64_t kRangeLogits = 8192;
/** If there are more ranges than this, enough for any number of threads, none is shorter than a block. */
constexpr std::int64_t kManyRanges = 64;
/** Rows whose scalars are computed together by the widest vectors. */
constexpr std::int64_t kRowsTogether = 8;
/** With fewer logits than this, one thread is faster than several. */
constexpr std::int64_t kParallelLogits = 32768;

/** Ranges of rows: a function of the shape alone, so that sums are the same for any number of threads. */
struct Partition {
  std::int64_t rows;
  std::int64_t rows_each;
  std::int64_t count;
  bool parallel;

  explicit Partition(const lilaw_batch& batch) : rows(batch.rows) {
    const std::int64_t block = block_rows(batch.classes);
    const std::int64_t least = std::max(kRangeLogits / batch.classes, (rows + kMaxRanges - 1) / kMaxRanges);
    const std::int64_t wanted = std::max(least, std::min(block, rows / kManyRanges));
    const std::int64_t unit = std::min(block, wanted < block ? kRowsTogether : block);
    rows_each = (std::max<std::int64_t>(wanted, 1) + unit - 1) / unit * unit;
    count = (rows + rows_each - 1) / rows_each;
    parallel = rows * batch.classes >= kParallelLogits;
  }

  RowRange operator[](std::int64_t i) const { return {i * rows_each, std::min(rows, (i + 1) * rows_each)}; }
};

/** Computes the sums of every range, then adds them up in order with `add`. */
template <class Sums, class Work, class Add>
Sums sum_over_rows(const Partition& ranges, Work work, Add add) {
  static_assert(noexcept(work(RowRange{})), "a range of rows must not throw");
  Sums sums[kMaxRanges];
  auto task = [&](std::int64_t i) noexcept { sums[i] = work(ranges[i]); };
  if (ranges.parallel) {
    run_parallel(ranges.count, task);
  } else {
    for (std::int64_t i = 0; i < ranges.count; i++) task(i);
  }
  Sums total = sums[0];
  for (std::int64_t i = 1; i < ranges.count; i++) add(total, sums[i]);
  return total;
}

lilaw_status bad_label(std::int64_t row, std::int64_t label, std::int64_t classes) {
  return fail(LILAW_LABEL_OUT_OF_RANGE,
              "Expected an integer in [0, %" PRId64 ") for labels[%" PRId64 "] but received %" PRId64, classes, row,
              label);
}

lilaw_status check_class_labels(const std::int32_t* labels, std::int64_t rows, std::int64_t classes) {
  for (std::int64_t i = 0; i < rows; i++) {
    const std::int32_t label = read_label(labels + i);
    if (label < 0 || label >= classes) return bad_label(i, label, classes);
  }
  return LILAW_OK;
}

lilaw_status check_multi_labels(const lilaw_batch& batch) {
  for (std::int64_t row = 0; row < batch.rows; row++) {
    const auto* labels = static_cast<const std::uint8_t*>(batch.labels) + row * batch.labels_stride;
    for (std::int64_t k = 0; k < batch.classes; k++) {
      const std::uint8_t label = read_label(labels + k);
      if (label > 1) return bad_label(row * batch.classes + k, label, 2);
    }
  }
  return LILAW_OK;
}

lilaw_status check_targets(const float* targets, std::int64_t rows) {
  for (std::int64_t i = 0; i < rows; i++) {
    const float target = read_label(targets + i);
    if (std::isfinite(target)) continue;
    return fail(LILAW_INVALID_ARGUMENT, "Expected a finite target for labels[%" PRId64 "] but received %g", i,
                static_cast<double>(target));
  }
  return LILAW_OK;
}

lilaw_status check_labels(const lilaw_batch& batch) {
  switch (traits_of(batch.loss).label) {
    case LabelType::kTarget:
      return check_targets(static_cast<const float*>(batch.labels), batch.rows);
    case LabelType::kFlags:
      return check_multi_labels(batch);
    case LabelType::kBinary:
      return check_class_labels(static_cast<const std::int32_t*>(batch.labels), batch.rows, 2);
    default:
      return check_class_labels(static_cast<const std::int32_t*>(batch.labels), batch.rows, batch.classes);
  }
}

const lilaw_batch& batch_of(const lilaw_weighted_loss_args& args) { return args.batch; }
const lilaw_batch& batch_of(const lilaw_meta_gradient_args& args) { return args.batch; }
const lilaw_batch& batch_of(const lilaw_meta_step_args& args) { return args.meta_gradient.batch; }
const lilaw_batch& batch_of(const lilaw_alignment_weights_args& args) { return args.batch; }

/** Checks that every operation makes before it writes an output. */
template <class Args>
lilaw_status check_for_cpu(const Args* args) {
  LILAW_TRY(check(args));
  const lilaw_batch& batch = batch_of(*args);
  if (batch.dtype != LILAW_FLOAT32) {
    return fail(LILAW_UNSUPPORTED, "Expected LILAW_FLOAT32 for dtype on the CPU but received %d", batch.dtype);
  }
  LILAW_TRY(check_labels(batch));
  return kernels() != nullptr ? LILAW_OK : LILAW_UNSUPPORTED;
}

WeightedLossSums sum_weighted_loss(const lilaw_weighted_loss_args& args, const BatchMeans& means) {
  const Kernels& table = *kernels();
  return sum_over_rows<WeightedLossSums>(
      Partition(args.batch), [&](RowRange range) noexcept { return table.weighted_loss(args, means, range); },
      [](WeightedLossSums& total, const WeightedLossSums& part) {
        total.objective += part.objective;
        total.weight += part.weight;
        total.alpha += part.alpha;
        total.beta += part.beta;
        total.delta += part.delta;
        total.finite_rows += part.finite_rows;
      });
}

/** A pass that computes only the sums. */
BatchMeans batch_means(const lilaw_weighted_loss_args& args) {
  lilaw_weighted_loss_args sums_only{};
  sums_only.batch = args.batch;
  sums_only.params = args.params;
  sums_only.sample_weights = args.sample_weights;
  const WeightedLossSums sums = sum_weighted_loss(sums_only, {1, 0});
  return {sums.weight / static_cast<double>(sums.finite_rows), sums.objective / sums.weight};
}

void weighted_loss(const lilaw_weighted_loss_args& args) {
  const bool by_mean = args.normalize == LILAW_BATCH_MEAN && args.params != nullptr;
  const BatchMeans means = by_mean ? batch_means(args) : BatchMeans{1, 0};
  const WeightedLossSums sums = sum_weighted_loss(args, means);
  const std::int64_t non_finite = args.batch.rows - sums.finite_rows;
  const double rows = non_finite > 0 ? kNaN : static_cast<double>(args.batch.rows);
  const double divisor = rows * means.weight;
  const lilaw_params gradient = {sums.alpha / divisor, sums.beta / divisor, sums.delta / divisor};
  *args.result = {gradient, sums.objective / rows, non_finite, 0};
}

lilaw_meta_gradient_result meta_gradient(const lilaw_meta_gradient_args& args) {
  const Kernels& table = *kernels();
  const MetaGradientSums sums = sum_over_rows<MetaGradientSums>(
      Partition(args.batch), [&](RowRange range) noexcept { return table.meta_gradient(args, range); },
      [](MetaGradientSums& total, const MetaGradientSums& part) {
        total.alpha += part.alpha;
        total.beta += part.beta;
        total.delta += part.delta;
        total.objective += part.objective;
        total.finite_rows += part.finite_rows;
      });
  const std::int64_t non_finite = args.batch.rows - sums.finite_rows;
  const double scale = non_finite > 0 ? kNaN : 1 / static_cast<double>(args.batch.rows);
  return {{sums.alpha * scale, sums.beta * scale, sums.delta * scale}, sums.objective * scale, non_finite, 0, 0};
}

lilaw_status meta_step(const lilaw_meta_step_args& args) {
  lilaw_meta_gradient_result& result = *args.meta_gradient.result;
  result = meta_gradient(args.meta_gradient);
  const MetaStep step = {args.learning_rate, args.weight_decay, args.clamp != 0};
  if (!move(step, result, args.params)) {
    return fail(LILAW_NON_FINITE,
                "Expected finite validation logits for meta_step but received %" PRId64
                " non-finite rows; alpha, beta and delta have not moved",
                result.non_finite_rows);
  }
  result.moved = 1;
  return LILAW_OK;
}

/** Writes the alignments, divided by `divisor`, to `out` unless it is null. */
AlignmentSums sum_alignments(const lilaw_alignment_weights_args& args, double divisor, float* out) {
  const Kernels& table = *kernels();
  return sum_over_rows<AlignmentSums>(
      Partition(args.batch), [&](RowRange range) noexcept { return table.alignments(args, divisor, out, range); },
      [](AlignmentSums& total, const AlignmentSums& part) {
        total.positive += part.positive;
        total.finite_rows += part.finite_rows;
      });
}

/** Between these sums of alignments every alignment is an accurate float: below it may underflow, above overflow. */
constexpr double kLeastSum = 1e-30;
constexpr double kMostSum = FLT_MAX;

void alignment_weights(const lilaw_alignment_weights_args& args) {
  // The weights depend on all alignments. If the alignments are not requested, they are stored in the array of weights.
  float* alignments = args.alignments != nullptr ? args.alignments : args.weights;
  const AlignmentSums sums = sum_alignments(args, 1, alignments);
  *args.result = {args.batch.rows - sums.finite_rows, 0};
  if (args.weights == nullptr) return;

  double divisor = sums.positive > 0 ? sums.positive : 1;
  if (divisor < kLeastSum || divisor > kMostSum) {
    // The weights are ordinary floats even then: the alignments are computed again, and divided as doubles.
    sum_alignments(args, divisor, args.weights);
    alignments = args.weights;
    divisor = 1;
  }
  for (std::int64_t i = 0; i < args.batch.rows; i++) {
    // The test is "below 0", not "above 0", so that a NaN remains a NaN.
    args.weights[i] = alignments[i] < 0 ? 0.0f : static_cast<float>(alignments[i] / divisor);
  }
}

}  // namespace
}  // namespace lilaw

extern "C" {

lilaw_status lilaw_weighted_loss_cpu(const lilaw_weighted_loss_args* args) {
  LILAW_TRY(lilaw::check_for_cpu(args));
  lilaw::weighted_loss(*args);
  return LILAW_OK;
}

lilaw_status lilaw_meta_gradient_cpu(const lilaw_meta_gradient_args* args) {
  LILAW_TRY(lilaw::check_for_cpu(args));
  *args->result = lilaw::meta_gradient(*args);
  return LILAW_OK;
}

lilaw_status lilaw_meta_step_cpu(const lilaw_meta_step_args* args) {
  LILAW_TRY(lilaw::check_for_cpu(args));
  return lilaw::meta_step(*args);
}

lilaw_status lilaw_alignment_weights_cpu(const lilaw_alignment_weights_args* args) {
  LILAW_TRY(lilaw::check_for_cpu(args));
  lilaw::alignment_weights(*args);
  return LILAW_OK;
}

int32_t lilaw_threads(void) { return lilaw::threads(); }

lilaw_status lilaw_set_threads(int32_t count) {
  if (count < 0 || count > lilaw::kMaxThreads) {
    return lilaw::fail(LILAW_INVALID_ARGUMENT, "Expected an integer from 0 to %d for threads but received %d",
                       lilaw::kMaxThreads, count);
  }
  lilaw::set_threads(count);
  return LILAW_OK;
}
}
