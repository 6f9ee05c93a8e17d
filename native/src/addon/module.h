/** The parts of the addon's exports, each made where its functions are. */
#pragma once

#include <napi.h>

namespace lilaw::addon {

/**
 * The number of what lib/ knows of this addon: its functions and their arguments, the layout of results, and the
 * settings of the TensorFlow ops. Whoever changes one of these raises it here and in lib/binding.ts; an addon from
 * other sources is then refused there.
 */
constexpr int kAbi = 2;

/** weightedLoss, metaGradient, alignmentWeights, and each with Async. */
void define_operations(Napi::Object exports);

/** Device memory, streams and graphs (buffer…, stream…, graph…, deviceMemory), and the operations on them, each with Cuda. */
void define_device(Napi::Object exports);

/** version, abi, cpuIsa, setCpuIsa, threads, setThreads, cudaInfo, registerTensorFlowOps. */
void define_settings(Napi::Object exports);

/** withoutLines. */
void define_standard_error(Napi::Object exports);

}  // namespace lilaw::addon
