import { type Loss, losses } from "@lilaw/core";
import type * as tf from "@tensorflow/tfjs-core";
import { wgslOfLabelProb, wgslParameters } from "../losses.js";
import { finiteness, overLanes } from "./wgsl.js";

/** Lanes of a workgroup. */
const lanes = 64;

/** A lane should have some work between two barriers, which are expensive. Rows of many classes have more per lane. */
const classesPerLane = 8;

/** The common parts of all programs over rows. */
export interface RowProgram {
  readonly inputs: { readonly logits: tf.TensorInfo; readonly labels: tf.TensorInfo };
  readonly uniforms: Readonly<Record<string, number>>;
  readonly groups: number;
  readonly lanes: number;
  /** WGSL: {@link rowCode} */
  readonly code: string;
}

/**
 * A program over rows: one lane for eight classes of a row, at most all lanes of a workgroup. A label that is no class makes
 * its row NaN, as a NaN logit does.
 */
export function overRows(logits: tf.TensorInfo, labels: tf.TensorInfo, loss: Loss): RowProgram {
  const [count, classes] = logits.shape as [number, number];
  const width = Math.min(lanes, 2 ** Math.ceil(Math.log2(Math.max(1, classes / classesPerLane))));
  return {
    inputs: { logits, labels },
    uniforms: wgslParameters(loss),
    groups: Math.ceil((count * width) / lanes),
    lanes,
    code: rowCode(width, loss),
  };
}

/** Combines (value, index, number of non-finite values) of two lanes: the larger value, and the lower index of equal ones. */
const larger = "vec4<f32>(select(b.xy, a.xy, a.x > b.x || (a.x == b.x && a.y < b.y)), a.z + b.z, 0.0)";

/**
 * `rowOf(i, lane)`: the values of row i, for each of its `width` lanes; all lanes of a workgroup must call it. The
 * workgroup reduces the row first to its largest logit, then to the sum of the other exponentials. top: the largest
 * logit; rest: the sum of exp(z - top) over the other classes; slope: dL/dz = slope * (s - e_label), before smoothing.
 * Where `isValid` is false (a NaN or infinite logit, a label that is no class) the other members have no meaning.
 *
 * `gradientAt(…)`: `byLoss * dL/dz + byLabelProb * du/dz + byMaxProb * dv/dz` of a row, for one class.
 */
const rowCode = (width: number, loss: Loss): string => `
const width = ${width};
${finiteness}
${overLanes("largestOfRow", lanes, width, larger)}
${overLanes("sumOfRow", lanes, width, "a + b")}
${losses.isOfLabelProb(loss) ? wgslOfLabelProb(loss) : ""}
fn rowCount() -> i32 { return uniforms.logitsShape.x; }
fn classCount() -> i32 { return uniforms.logitsShape.y; }

// Exact near 0, also where a compiler simplifies (1 + x) - 1.
fn log1p(x : f32) -> f32 {
  let t = x / (2.0 + x);
  let tt = t * t;
  let series = 2.0 * t * (1.0 + tt * (1.0 / 3.0 + tt * (1.0 / 5.0 + tt * (1.0 / 7.0 + tt / 9.0))));
  return select(log(1.0 + x), series, x < 0.5);
}

struct Row {
  isValid : bool, label : i32, prediction : i32,
  loss : f32, labelProb : f32, maxProb : f32, top : f32, rest : f32, slope : f32,
};

fn rowOf(i : i32, lane : i32) -> Row {
  let classes = classCount();
  let end = select(0, classes, i < rowCount());
  let start = i * classes;

  var largest = vec4<f32>(-0x1.fffffep+127f, f32(classes), 0.0, 0.0);
  for (var k = lane; k < end; k += width) {
    let z = logits[start + k];
    if (!isFinite(z)) {
      largest.z += 1.0;
    } else if (z > largest.x || largest.y == f32(classes)) {
      largest.x = z;
      largest.y = f32(k);
    }
  }
  largest = largestOfRow(largest);
  let top = largest.x;
  let prediction = i32(largest.y);

  var sums = vec4<f32>(0.0); // exponentials but for the largest, shifted logits
  for (var k = lane; k < end; k += width) {
    let shifted = logits[start + k] - top;
    sums.x += select(exp(shifted), 0.0, k == prediction);
    sums.y += shifted;
  }
  sums = sumOfRow(sums);

  let label = i32(labels[min(i, rowCount() - 1)]);
  let rest = sums.x;
  let shiftedLabel = logits[min(i, rowCount() - 1) * classes + clamp(label, 0, classes - 1)] - top;
  let logSum = log1p(rest);
  let crossEntropy = logSum - shiftedLabel;
  let maxProb = 1.0 / (1.0 + rest);
  let labelProb = exp(shiftedLabel) * maxProb;

  let oneMinusU = select(1.0 - labelProb, rest * maxProb, label == prediction);
  let ofRow = ${losses.isOfLabelProb(loss) ? ofLabelProb : smoothed};
  let isValid = largest.z == 0.0 && label >= 0 && label < classes;
  return Row(isValid, label, select(-1, prediction, isValid), ofRow.x, labelProb, maxProb, top, rest, ofRow.y);
}

fn gradientAt(row : Row, class_ : i32, z : f32, byLoss : f32, byLabelProb : f32, byMaxProb : f32) -> f32 {
  let sum = 1.0 + row.rest;
  let s = exp(z - row.top) / sum;
  // s - 1 of the largest class is -rest / sum, exact however close s is to 1.
  let isTop = class_ == row.prediction;
  let isLabel = class_ == row.label;
  let minusOne = select(s - 1.0, -row.rest / sum, isTop);
  let fromLabel = (byLoss * row.slope - byLabelProb * row.labelProb) * select(s, minusOne, isLabel);
  let fromTop = -byMaxProb * row.maxProb * select(s, minusOne, isTop);
  return fromLabel + fromTop${losses.isOfLabelProb(loss) ? "" : fromSmoothing};
}
`;

const ofLabelProb = "ofLabelProb(labelProb, oneMinusU, crossEntropy)";

/** Label smoothing: the loss reads all logits, and its gradient has a term of its own. */
const smoothed =
  "vec2<f32>(logSum - (1.0 - uniforms.smoothing) * shiftedLabel - uniforms.smoothing / f32(classes) * sums.y, 1.0)";
const fromSmoothing =
  " + byLoss * uniforms.smoothing * (select(0.0, 1.0, isLabel) - 1.0 / f32(classCount()))";
