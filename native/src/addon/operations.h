/**
 * The operations, each described once: its name, its arguments by position, and its forms in C. The code that calls
 * them is shared: host.cpp for calls on arrays of the host, device.cpp for calls queued on a stream.
 */
#pragma once

#include "arguments.h"

namespace lilaw::addon {

struct WeightedLoss {
  static constexpr const char* kName = "weightedLoss";
  lilaw_weighted_loss_args args{};

  void read(Arguments& arguments);
  lilaw_status run() const { return lilaw_weighted_loss_cpu(&args); }
  lilaw_status queue(void* workspace, void* stream) const { return lilaw_weighted_loss_cuda(&args, workspace, stream); }
};

struct MetaGradient {
  static constexpr const char* kName = "metaGradient";
  lilaw_meta_gradient_args args{};

  void read(Arguments& arguments);
  lilaw_status run() const { return lilaw_meta_gradient_cpu(&args); }
  lilaw_status queue(void* workspace, void* stream) const { return lilaw_meta_gradient_cuda(&args, workspace, stream); }
};

/** On the device only: on the host, the owner of the scalars moves them. */
struct MetaStep {
  static constexpr const char* kName = "metaStep";
  lilaw_meta_step_args args{};

  void read(Arguments& arguments);
  lilaw_status queue(void* workspace, void* stream) const { return lilaw_meta_step_cuda(&args, workspace, stream); }
};

struct AlignmentWeights {
  static constexpr const char* kName = "alignmentWeights";
  lilaw_alignment_weights_args args{};

  void read(Arguments& arguments);
  lilaw_status run() const { return lilaw_alignment_weights_cpu(&args); }
  lilaw_status queue(void* workspace, void* stream) const {
    return lilaw_alignment_weights_cuda(&args, workspace, stream);
  }
};

}  // namespace lilaw::addon
