/** The operations on memory of the GPU. Nothing is copied, and the host waits only at the end of a sample. */

import {
  type KernelData,
  type KernelOutput,
  type KernelPlan,
  type KernelVariant,
  params,
  reasonAgainst,
} from "@lilaw/bench/kernels";
import { backendReport } from "@lilaw/core";
import {
  alignmentWeightsCuda,
  DeviceBuffer,
  type DeviceDtype,
  DeviceResult,
  deviceMemory,
  type HostArrays,
  metaGradientCuda,
  Stream,
  weightedLossCuda,
} from "@lilaw/native";

/** Makes the function that a sample calls, from the function that queues the operation. */
type Call = (queue: () => void, memory: Memory) => () => void;

/** Every call queues the operation. */
export const devicePlan = planOf("cuda, device buffers", (queue) => queue);

/** The operation is captured once, and every call launches the graph. */
export const graphPlan = planOf("cuda, captured graph", (queue, memory) => {
  queue(); // so that the set-up of the first call is not captured
  const graph = memory.hold(memory.stream.capture(queue));
  return () => graph.launch();
});

function planOf(name: string, callOf: Call): KernelPlan {
  const open = (data: KernelData) => openOn(data, name, callOf);
  return { name, ours: true, skipped: reasonAgainst("cuda"), frugal: true, open };
}

function openOn(data: KernelData, name: string, callOf: Call): KernelVariant {
  const before = deviceMemory().freeBytes;
  const memory = new Memory();
  const { queue, output } = operationOn(data, memory);
  const call = callOf(queue, memory);
  const used = before - deviceMemory().freeBytes;
  return {
    name,
    ours: true,
    sample(calls) {
      const start = performance.now();
      for (let i = 0; i < calls; i++) call();
      memory.stream.synchronize();
      return (performance.now() - start) / 1000;
    },
    output() {
      call();
      return output();
    },
    facts: () => ({
      launches: data.operation === "lilawStep" ? 2 : 1,
      peakBytes: used,
      where: backendReport().detail,
      onDevice: true,
    }),
    dispose: () => memory.dispose(),
  };
}

/** A stream, and the buffers of a variant. */
class Memory {
  readonly stream = Stream.create();
  readonly #held: { dispose(): void }[] = [];

  hold<T extends { dispose(): void }>(memory: T): T {
    this.#held.push(memory);
    return memory;
  }

  upload<D extends DeviceDtype>(dtype: D, values: HostArrays[D]): DeviceBuffer<D> {
    return this.hold(DeviceBuffer.create(dtype, values.length)).upload(values, this.stream);
  }

  batch({ logits, labels, classes }: KernelData["batch"]) {
    const loss = "cross-entropy" as const;
    return { logits: this.upload("float32", logits), labels: this.upload("int32", labels), classes, loss };
  }

  dispose(): void {
    for (const memory of this.#held) memory.dispose();
    this.stream.dispose();
  }
}

interface Queued {
  queue(): void;
  /** Waits for what was queued. */
  output(): KernelOutput;
}

function operationOn({ operation, batch, validation, tangents }: KernelData, memory: Memory): Queued {
  const train = memory.batch(batch);
  const scalars = memory.upload("float64", Float64Array.of(params.alpha, params.beta, params.delta));
  switch (operation) {
    case "weightedLoss":
      return weightedLossOn(train, scalars, memory);
    case "metaGradient":
      return metaGradientOn(train, scalars, memory);
    case "alignmentWeights": {
      const [weights, result] = [
        memory.hold(DeviceBuffer.create("float32", batch.rows)),
        memory.hold(DeviceResult.ofAlignmentWeights()),
      ];
      const args = { ...train, tangents: memory.upload("float32", tangents!) };
      return {
        queue: () => alignmentWeightsCuda(args, { weights, result }, memory.stream),
        output: () => [weights.download(undefined, memory.stream)],
      };
    }
    case "lilawStep": {
      const [first, second] = [
        weightedLossOn(train, scalars, memory),
        metaGradientOn(memory.batch(validation!), scalars, memory),
      ];
      return {
        queue() {
          first.queue();
          second.queue();
        },
        output() {
          const [objective, gradient] = first.output();
          return [objective!, ...second.output(), gradient!];
        },
      };
    }
  }
}

type DeviceBatch = ReturnType<Memory["batch"]>;

function weightedLossOn(batch: DeviceBatch, scalars: DeviceBuffer<"float64">, memory: Memory): Queued {
  const { logits, labels } = batch;
  const out = {
    result: memory.hold(DeviceResult.ofWeightedLoss()),
    losses: memory.hold(DeviceBuffer.create("float32", labels.length)),
    weights: memory.hold(DeviceBuffer.create("float32", labels.length)),
    gradLogits: memory.hold(DeviceBuffer.create("float32", logits.length)),
  };
  const args = { ...batch, params: scalars, gradient: "full", normalize: "none" } as const;
  return {
    queue: () => weightedLossCuda(args, out, memory.stream),
    output: () => [
      [out.result.download(memory.stream).objective],
      out.gradLogits.download(undefined, memory.stream),
    ],
  };
}

function metaGradientOn(batch: DeviceBatch, scalars: DeviceBuffer<"float64">, memory: Memory): Queued {
  const result = memory.hold(DeviceResult.ofMetaGradient());
  const args = { ...batch, params: scalars };
  return {
    queue: () => metaGradientCuda(args, result, memory.stream),
    output() {
      const { alpha, beta, delta } = result.download(memory.stream);
      return [[alpha, beta, delta]];
    },
  };
}
