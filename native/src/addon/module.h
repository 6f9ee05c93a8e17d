/** The parts of the addon's exports, each defined in the file of its functions. */
#pragma once

#include <napi.h>

namespace lilaw::addon {

/** weightedLoss, metaGradient, alignmentWeights. */
void define_operations(Napi::Object exports);

/** Device memory, streams and graphs (buffer…, stream…, graph…, deviceMemory), and the operations on them with Cuda. */
void define_device(Napi::Object exports);

/** layout, layoutHash, losses: the numbers that lib/ shares with this addon, their fingerprint, and the losses. */
void define_layout(Napi::Object exports);

/** version, cpuIsa, setCpuIsa, threads, setThreads, cudaInfo, registerTensorFlowOps. */
void define_settings(Napi::Object exports);

/** withoutLines. */
void define_standard_error(Napi::Object exports);

}  // namespace lilaw::addon
