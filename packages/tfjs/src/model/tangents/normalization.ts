import * as tf from "@tensorflow/tfjs-core";
import type { LayerInternals } from "../internals.js";
import type { Direction, TangentRule } from "./rule.js";

/**
 * In training mode with the statistics of the batch, through which its rows depend on each other; in inference mode with
 * frozen statistics.
 */
export const batchNormalization: TangentRule = {
  tangent({ layer, inputs, kwargs }, [change], direction) {
    const x = inputs[0]!;
    const axis = (layer.axis as number) >= 0 ? (layer.axis as number) : (layer.axis as number) + x.rank;
    const axes = x.shape.map((_, i) => i).filter((i) => i !== axis);
    const statistics = kwargs.training === true ? undefined : movingStatistics(layer);
    return normalizationTangent({ layer, x, change, direction, kept: [axis], axes, statistics });
  },
};

/** The statistics of each row. */
export const layerNormalization: TangentRule = {
  tangent({ layer, inputs }, [change], direction) {
    const axes = layer.axis as number[];
    return normalizationTangent({ layer, x: inputs[0]!, change, direction, kept: axes, axes });
  },
};

interface Statistics {
  mean: tf.Tensor;
  variance: tf.Tensor;
}

function movingStatistics({ movingMean, movingVariance }: LayerInternals): Statistics {
  return { mean: movingMean!.read(), variance: movingVariance!.read() };
}

interface NormalizationArgs {
  layer: LayerInternals;
  x: tf.Tensor;
  change: tf.Tensor | undefined;
  direction: Direction;
  /** Axes along which gamma, beta and given statistics vary */
  kept: number[];
  /** Axes the statistics are taken over */
  axes: number[];
  /** Frozen statistics */
  statistics?: Statistics | undefined;
}

/**
 * y = gamma n + beta with n = (x - mean) / sigma. With statistics of x itself
 * n' = (x' - mean(x') - n mean(n x')) / sigma; with frozen ones n' = x' / sigma.
 */
function normalizationTangent({ layer, x, change, direction, kept, axes, statistics }: NormalizationArgs) {
  const shape = x.shape.map((size, i) => (kept.includes(i) ? size : 1));
  const broadcast = (tensor: tf.Tensor) => tf.reshape(tensor, shape);
  const { mean, variance } =
    statistics === undefined
      ? tf.moments(x, axes, true)
      : { mean: broadcast(statistics.mean), variance: broadcast(statistics.variance) };
  const inverse = tf.rsqrt(tf.add(variance, layer.epsilon!));
  const normalized = tf.mul(tf.sub(x, mean), inverse);
  const terms: tf.Tensor[] = [];
  if (change !== undefined) {
    const correlation = () => tf.mean(tf.mul(normalized, change), axes, true);
    const centred =
      statistics === undefined
        ? tf.sub(tf.sub(change, tf.mean(change, axes, true)), tf.mul(normalized, correlation()))
        : change;
    const scaled = tf.mul(centred, inverse);
    terms.push(layer.gamma == null ? scaled : tf.mul(scaled, broadcast(layer.gamma.read())));
  }
  const gamma = direction(layer.gamma);
  const beta = direction(layer.beta);
  if (gamma !== undefined) terms.push(tf.mul(normalized, broadcast(gamma)));
  if (beta !== undefined) terms.push(broadcast(beta));
  return terms.reduce((sum, term) => tf.add(sum, term));
}
