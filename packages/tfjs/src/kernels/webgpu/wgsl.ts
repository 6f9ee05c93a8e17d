/** WGSL that several programs share. Every text ends where the next may begin. */
import type { LilawParams } from "@lilaw/core";

/** `isFinite(x)`, by bits and not by comparisons: a compiler may take it that no number is NaN or infinite. */
export const finiteness = `
fn isFinite(x : f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
`;

/**
 * A function `name`: one value from those of each `width` lanes, in a fixed order (a tree). All lanes must call it.
 *
 * @param lanes of the workgroup; width, a power of 2, divides them
 * @param combine a WGSL expression of `a` and `b`, vec4<f32> of a lower and a higher lane
 */
export function overLanes(name: string, lanes: number, width: number, combine: string): string {
  return `
var<workgroup> ${name}Scratch : array<vec4<f32>, ${lanes}>;
fn ${name}(value : vec4<f32>) -> vec4<f32> {
  workgroupBarrier(); // of a call before, not all lanes may have read the result
  ${name}Scratch[localId.x] = value;
  workgroupBarrier();
  let lane = localId.x % ${width}u;
  for (var step = ${width}u / 2u; step > 0u; step /= 2u) {
    if (lane < step) {
      let a = ${name}Scratch[localId.x];
      let b = ${name}Scratch[localId.x + step];
      ${name}Scratch[localId.x] = ${combine};
    }
    workgroupBarrier();
  }
  return ${name}Scratch[localId.x - lane];
}
`;
}

/** Lanes of a program over the batch, in a single workgroup, or over elements: what every WebGPU device has. */
export const batchLanes = 256;

export const sumOfBatch = overLanes("sumOfLanes", batchLanes, batchLanes, "a + b");

/** The fields of a row in the tensor `stats` [fields, B], in its order. */
const rowFields = ["loss", "labelProb", "maxProb", "prediction", "top", "rest", "slope"] as const;

export const rowFieldCount = rowFields.length;

/** WGSL that writes row `row`, given a WGSL expression for each field. */
export function writeRow(values: Record<(typeof rowFields)[number], string>): string {
  return rowFields
    .map((field, i) => `result[${i} * uniforms.outShape.y + row] = ${values[field]};`)
    .join("\n    ");
}

/**
 * `rowAt(i)`: what is known of row i. prediction is -1 where the row is not valid (a NaN or infinite logit, a label
 * that is no class), and nothing else of it may be used then. top: the largest logit; rest: the sum of exp(z - top)
 * over the other classes; slope: dL/dz = slope * (s - e_label), before smoothing.
 */
export const rowAt = `
struct Row { ${rowFields.map((field) => `${field} : f32`).join(", ")} };
fn rowCount() -> i32 { return uniforms.statsShape.y; }
fn rowAt(i : i32) -> Row {
  return Row(${rowFields.map((_, field) => `stats[${field} * rowCount() + i]`).join(", ")});
}
fn isValid(row : Row) -> bool { return row.prediction >= 0.0; }
`;

/**
 * `weigh(u, v)`: LiLAW's weight with its terms and derivatives by u and v; 1 without scalars.
 *
 * @param moved whether there is a variable `moved` to add to them
 */
export function weigh(params: LilawParams | null, moved: boolean): string {
  return `
struct Weight { terms : vec3<f32>, byParams : vec3<f32>, total : f32, byLabelProb : f32, byMaxProb : f32 };
${params === null ? plainWeight : lilawWeight(moved ? "vec3<f32>(moved[0], moved[1], moved[2])" : "vec3<f32>(0.0)")}`;
}

const plainWeight = `
fn weigh(u : f32, v : f32) -> Weight { return Weight(vec3<f32>(0.0), vec3<f32>(0.0), 1.0, 0.0, 0.0); }
`;

const lilawWeight = (moved: string): string => `
fn sigmoid(x : f32) -> f32 {
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}
fn weigh(u : f32, v : f32) -> Weight {
  let params = vec3<f32>(uniforms.alpha, uniforms.beta, uniforms.delta) + ${moved};
  let x = params * u - v;
  let terms = vec3<f32>(sigmoid(x.x), sigmoid(-x.y), exp(-0.5 * x.z * x.z));
  // The derivative of a sigmoid as a product of both tails: 1 - sigmoid would lose the small one.
  let slopes = vec3<f32>(terms.x * sigmoid(-x.x), -terms.y * sigmoid(x.y), -x.z * terms.z);
  return Weight(terms, slopes * u, terms.x + terms.y + terms.z, dot(params, slopes), -dot(vec3<f32>(1.0), slopes));
}
`;

/** `gradientAt(…)`: `byLoss * dL/dz + byLabelProb * du/dz + byMaxProb * dv/dz` of a row, for one class. */
export const gradientAt = `
fn gradientAt(row : Row, label : i32, class_ : i32, z : f32, classes : i32,
              byLoss : f32, byLabelProb : f32, byMaxProb : f32) -> f32 {
  let sum = 1.0 + row.rest;
  let s = exp(z - row.top) / sum;
  // s - 1 of the largest class is -rest / sum, exact however close s is to 1.
  let isTop = class_ == i32(row.prediction);
  let minusOne = select(s - 1.0, -row.rest / sum, isTop);
  let fromLabel = (byLoss * row.slope - byLabelProb * row.labelProb) * select(s, minusOne, class_ == label);
  let fromTop = -byMaxProb * row.maxProb * select(s, minusOne, isTop);
  let fromSmoothing = byLoss * uniforms.smoothing * (select(0.0, 1.0, class_ == label) - 1.0 / f32(classes));
  return fromLabel + fromTop + fromSmoothing;
}
`;

/** The scalars as uniforms, so that a program stays the same while they move. */
export function paramUniforms(params: LilawParams | null): Record<string, number> {
  return params === null ? {} : { alpha: params.alpha, beta: params.beta, delta: params.delta };
}
