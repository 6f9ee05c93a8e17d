/** Arguments of a TensorFlow op other than its tensors: their positions in its input `settings`. */
#pragma once

#include "lilaw.h"

namespace lilaw::tensorflow {

/** Numbers that need the precision of a double are two floats, high and low part; they come first. */
enum Setting {
  kAlpha = 0,
  kBeta = 2,
  kDelta = 4,
  kParameters = 6,
  kLoss = kParameters + 2 * LILAW_LOSS_PARAMETERS,
  kGradient,
  kNormalize,
  kWeighted,
  kRowMask,
  kTransition,
  kSettings
};

/**
 * Rows of LilawWeightedLoss's row_values, and their bits in the setting kRowMask. The tensor exists if any is requested
 * (attribute row_tensors 1, else 0): each output costs the caller more than a small batch takes to compute.
 */
enum RowValue { kLosses, kWeights, kLabelProbs, kMaxProbs, kPredictions, kTermAlpha, kTermBeta, kTermDelta, kRowValues };

}  // namespace lilaw::tensorflow
