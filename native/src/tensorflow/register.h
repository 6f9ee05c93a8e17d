#pragma once

#include <string>

namespace lilaw::tensorflow {

/**
 * Registers the ops LilawWeightedLoss, LilawMetaGradient and LilawAlignmentWeights, with kernels for TensorFlow's CPU
 * device, in the TensorFlow that this process has loaded. Once per process: later calls repeat the answer.
 *
 * @return "" or the reason why the ops are not there
 */
std::string register_ops();

}  // namespace lilaw::tensorflow
