/** Variants on arrays of the host: the backends of @lilaw/core, and a copy of the logits as the limit. */
import { alignmentWeights, type BackendName, backendReport, metaGradient, weightedLoss } from "@lilaw/core";
import { timed } from "../turns.js";
import { type KernelOutput, type KernelPlan, memoryCopy, peakResident } from "./case.js";
import { type KernelData, params } from "./data.js";

/** A function that computes an operation; every call writes into the same arrays and returns them. */
function onArrays(
  { operation, batch, validation, tangents }: KernelData,
  backend: BackendName,
): () => KernelOutput {
  const input = { ...batch, params, backend } as const;
  const { rows } = batch;
  if (operation === "metaGradient") return () => partials(metaGradient(input));
  if (operation === "alignmentWeights") {
    const reweighed = { alignments: new Float32Array(rows), weights: new Float32Array(rows) };
    const tangent = { ...input, tangents: tangents! };
    return () => {
      alignmentWeights(tangent, reweighed);
      return [reweighed.weights];
    };
  }
  const out = {
    losses: new Float32Array(rows),
    weights: new Float32Array(rows),
    gradLogits: new Float32Array(batch.logits.length),
  };
  const train = (): KernelOutput => [[weightedLoss(input, out).objective], out.gradLogits];
  if (operation === "weightedLoss") return train;
  const second = { ...validation!, params, backend };
  return () => {
    const [objective, gradient] = train();
    return [objective!, ...partials(metaGradient(second)), gradient!];
  };
}

function partials({ alpha, beta, delta }: { alpha: number; beta: number; delta: number }): KernelOutput {
  return [[alpha, beta, delta]];
}

/** A setting of the whole process that a variant needs, such as the number of threads. */
export interface ProcessSetting {
  /** Called before every sample; its time is not counted */
  apply(): void;
  /** Called when the case is closed */
  restore(): void;
}

/**
 * A plan for a backend of @lilaw/core.
 *
 * @param where instruction set, threads or device, for the results
 */
export function corePlan(
  name: string,
  backend: BackendName,
  where: string | undefined,
  setting?: ProcessSetting,
): KernelPlan {
  return {
    name,
    ours: backend !== "reference",
    skipped: reasonAgainst(backend),
    frugal: backend !== "reference",
    open(data) {
      const work = onArrays(data, backend);
      const prepared = () => {
        setting?.apply();
        return work();
      };
      const sample = timed(work);
      return {
        name,
        ours: backend !== "reference",
        sample(calls) {
          setting?.apply();
          return sample(calls);
        },
        output: prepared,
        async facts() {
          const peakBytes = await peakResident(prepared);
          return {
            launches: data.operation === "lilawStep" ? 2 : 1,
            ...(where !== undefined && { where }),
            ...(peakBytes !== undefined && { peakBytes }),
          };
        },
        dispose: () => setting?.restore(),
      };
    },
  };
}

/** The reason why a backend of @lilaw/core does not run here, or undefined. */
export function reasonAgainst(backend: BackendName): string | undefined {
  return backendReport().unavailable.find((other) => other.backend === backend)?.reason;
}

/** A copy of the logits by one thread: the limit that the memory sets, or the cache that holds them. */
export const memoryCopyPlan: KernelPlan = {
  name: memoryCopy,
  ours: false,
  frugal: true,
  open({ batch: { logits } }) {
    const target = new Float32Array(logits.length);
    const copy = () => target.set(logits);
    return {
      name: memoryCopy,
      ours: false,
      sample: timed(copy),
      output() {
        copy();
        return [target];
      },
      expected: () => [logits],
      facts: () => ({ launches: 1, where: "1 thread" }),
    };
  },
};
