import { expected, type Loss } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import { hostValues, run } from "./program.js";
import { finiteness, overLanes, rowFieldCount, writeRow } from "./wgsl.js";

/** The losses on a softmax; `gamma` is 0 but for focal loss, `smoothing` 0 but for label smoothing. */
export interface SoftmaxLoss {
  readonly gamma: number;
  readonly smoothing: number;
}

/** The loss as one on a softmax, if it is one. */
export function softmaxLoss(loss: Loss): SoftmaxLoss | undefined {
  if (loss === "cross-entropy") return { gamma: 0, smoothing: 0 };
  if (typeof loss === "string" || loss.kind === "regression") return undefined;
  return loss.kind === "focal"
    ? { gamma: loss.gamma, smoothing: 0 }
    : { gamma: 0, smoothing: loss.smoothing };
}

/** How a program over rows spreads `count` rows over workgroups: as many lanes a row as there are classes, up to all. */
export function rowLayout(count: number, classes: number): { lanes: number; width: number; groups: number } {
  const lanes = 64;
  const width = Math.min(lanes, 2 ** Math.ceil(Math.log2(classes)));
  return { lanes, width, groups: Math.ceil((count * width) / lanes) };
}

/**
 * The statistics of all rows, [fields, B] as `rowAt` reads them: a workgroup reduces its rows, first to its largest
 * logit, then to the sum of the other exponentials. Labels that are still on the host are checked; a label on the
 * device that is no class makes its row NaN, as a NaN logit does.
 *
 * @throws LilawError `LENGTH_MISMATCH`, `LABEL_OUT_OF_RANGE`
 */
export function rowStats(logits: tf.TensorInfo, labels: tf.TensorInfo, loss: SoftmaxLoss): tf.Tensor {
  const [count, classes] = logits.shape as [number, number];
  checkLength("labels", labels, count);
  checkLabels(labels, classes);
  const { lanes, width, groups } = rowLayout(count, classes);
  return run({
    inputs: { logits, labels },
    uniforms: { gamma: loss.gamma, smoothing: loss.smoothing },
    outputShape: [rowFieldCount, count],
    groups,
    lanes,
    code: rowCode(lanes, width),
  });
}

/** WebGPU reads within a buffer whatever the index: a wrong length would go unseen. */
export function checkLength(name: string, tensor: tf.TensorInfo | undefined, length: number): void {
  if (tensor === undefined) return;
  const received = tensor.shape.reduce((product, size) => product * size, 1);
  if (received !== length) throw expected("LENGTH_MISMATCH", `${length}`, `${name}.length`, received);
}

function checkLabels(labels: tf.TensorInfo, classes: number): void {
  const values = hostValues(labels) ?? [];
  for (let i = 0; i < values.length; i++) {
    const label = values[i]!;
    if (Number.isInteger(label) && label >= 0 && label < classes) continue;
    throw expected("LABEL_OUT_OF_RANGE", `an integer in [0, ${classes})`, `labels[${i}]`, label);
  }
}

/** (value, index, number of non-finite values) of two lanes: the larger, on ties the one of the lower index. */
const larger = "vec4<f32>(select(b.xy, a.xy, a.x > b.x || (a.x == b.x && a.y < b.y)), a.z + b.z, 0.0)";

const rowCode = (lanes: number, width: number): string => `
${finiteness}
${overLanes("largestOfLanes", lanes, width, larger)}
${overLanes("sumOfLanes", lanes, width, "a + b")}

// No digits are lost near 0, and none where a compiler simplifies (1 + x) - 1.
fn log1p(x : f32) -> f32 {
  let t = x / (2.0 + x);
  let tt = t * t;
  let series = 2.0 * t * (1.0 + tt * (1.0 / 3.0 + tt * (1.0 / 5.0 + tt * (1.0 / 7.0 + tt / 9.0))));
  return select(log(1.0 + x), series, x < 0.5);
}

fn main(index : i32) {
  let row = index / ${width};
  let lane = index % ${width};
  let classes = uniforms.logitsShape.y;
  let inside = row < uniforms.logitsShape.x;
  let start = row * classes;

  var largest = vec4<f32>(-0x1.fffffep+127f, f32(classes), 0.0, 0.0);
  for (var k = lane; inside && k < classes; k += ${width}) {
    let z = logits[start + k];
    if (!isFinite(z)) {
      largest.z += 1.0;
    } else if (z > largest.x || largest.y == f32(classes)) {
      largest.x = z;
      largest.y = f32(k);
    }
  }
  largest = largestOfLanes(largest);
  let top = largest.x;
  let prediction = i32(largest.y);

  var sums = vec4<f32>(0.0); // exponentials but for the largest, shifted logits
  for (var k = lane; inside && k < classes; k += ${width}) {
    let shifted = logits[start + k] - top;
    sums.x += select(exp(shifted), 0.0, k == prediction);
    sums.y += shifted;
  }
  sums = sumOfLanes(sums);
  if (!inside || lane != 0) {
    return;
  }

  let label = i32(labels[row]);
  let valid = largest.z == 0.0 && label >= 0 && label < classes;
  let rest = sums.x;
  let shiftedLabel = logits[start + clamp(label, 0, classes - 1)] - top;
  let logSum = log1p(rest);
  let crossEntropy = logSum - shiftedLabel;
  let maxProb = 1.0 / (1.0 + rest);
  let labelProb = exp(shiftedLabel) * maxProb;

  var loss = crossEntropy;
  var slope = 1.0;
  if (uniforms.smoothing > 0.0) {
    loss = logSum - (1.0 - uniforms.smoothing) * shiftedLabel - uniforms.smoothing / f32(classes) * sums.y;
  }
  if (uniforms.gamma > 0.0) {
    let oneMinusU = select(1.0 - labelProb, rest * maxProb, label == prediction);
    let isZero = oneMinusU <= 0.0;
    let modulation = select(pow(max(oneMinusU, 1e-37), uniforms.gamma), 0.0, isZero);
    let ratio = select(crossEntropy / max(oneMinusU, 1e-37), 1.0, isZero);
    loss = modulation * crossEntropy;
    slope = modulation * (1.0 + uniforms.gamma * labelProb * ratio);
  }
  ${writeRow({
    loss: "loss",
    labelProb: "labelProb",
    maxProb: "maxProb",
    prediction: "select(-1.0, f32(prediction), valid)",
    top: "top",
    rest: "rest",
    slope: "slope",
  })}
}
`;
