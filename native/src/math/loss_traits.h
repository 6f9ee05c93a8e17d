/** The losses, each described once: everything except their formulas, which are in losses.h. */
#pragma once

#include <cstdint>

#include "lilaw.h"

namespace lilaw {

/** Type of the label of a row. It decides the kind of rows that a loss is computed on. */
enum class LabelType : std::int32_t {
  /** int32, a class index; softmax over the logits */
  kClass,
  /** int32, 0 or 1; one logit a row */
  kBinary,
  /** uint8 a class, each 0 or 1; a sigmoid a class */
  kFlags,
  /** float32, finite; one output a row */
  kTarget,
};
constexpr const char* kLabelTypeNames[] = {"class", "binary", "flags", "target"};

/** Range of a parameter, which is always finite. */
struct ParameterTraits {
  const char* name;
  /** The range in words */
  const char* range;
  double least;
  double most;
  /** Whether the range includes its ends */
  bool with_least;
  bool with_most;
};

struct LossTraits {
  lilaw_loss_kind kind;
  const char* name;
  LabelType label;
  /** Whether it is a function of u, the probability of the observed label, and can have a transition matrix */
  bool of_label_prob;
  std::int32_t parameter_count;
  ParameterTraits parameters[LILAW_LOSS_PARAMETERS];
};

constexpr double kUnbounded = __builtin_inf();
constexpr const char* kAtLeast0 = "a finite number of at least 0";

/** In the order of lilaw_loss_kind. */
constexpr LossTraits kLosses[] = {
    {LILAW_CROSS_ENTROPY, "cross-entropy", LabelType::kClass, true, 0, {}},
    {LILAW_FOCAL, "focal", LabelType::kClass, true, 1, {{"gamma", kAtLeast0, 0, kUnbounded, true, false}}},
    {LILAW_LABEL_SMOOTHING, "label-smoothing", LabelType::kClass, false, 1,
     {{"smoothing", "a number in [0, 1)", 0, 1, true, false}}},
    {LILAW_BINARY, "binary", LabelType::kBinary, false, 0, {}},
    {LILAW_MULTI_LABEL, "multi-label", LabelType::kFlags, false, 0, {}},
    {LILAW_REGRESSION, "regression", LabelType::kTarget, false, 1,
     {{"range", "a finite number above 0", 0, kUnbounded, false, false}}},
    {LILAW_GENERALIZED_CROSS_ENTROPY, "generalized-cross-entropy", LabelType::kClass, true, 1,
     {{"q", "a number in (0, 1]", 0, 1, false, true}}},
    {LILAW_SYMMETRIC_CROSS_ENTROPY, "symmetric-cross-entropy", LabelType::kClass, true, 3,
     {{"alpha", kAtLeast0, 0, kUnbounded, true, false},
      {"beta", kAtLeast0, 0, kUnbounded, true, false},
      {"A", "a finite number of at most 0", -kUnbounded, 0, false, true}}},
    {LILAW_MEAN_ABSOLUTE_ERROR, "mean-absolute-error", LabelType::kClass, true, 0, {}},
};
constexpr std::int32_t kLossCount = static_cast<std::int32_t>(sizeof kLosses / sizeof kLosses[0]);

constexpr bool in_order(std::int32_t i = 0) {
  return i == kLossCount || (static_cast<std::int32_t>(kLosses[i].kind) == i && in_order(i + 1));
}
static_assert(in_order(), "the losses in the order of lilaw_loss_kind");

/** Traits of a loss whose kind has been checked. */
constexpr const LossTraits& traits_of(const lilaw_loss& loss) { return kLosses[loss.kind]; }

constexpr bool has_one_logit(LabelType label) { return label == LabelType::kBinary || label == LabelType::kTarget; }

}  // namespace lilaw
