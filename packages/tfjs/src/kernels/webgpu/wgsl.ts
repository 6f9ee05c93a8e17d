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

/**
 * How workgroups hand values to the one of them that comes last: `post` to a slot; then all lanes call
 * `isLastWorkgroup`, and where it is true each slot may be `take`n once.
 *
 * WGSL orders nothing between workgroups but the accesses to one and the same atomic. So the count of those that are done
 * promises nothing of other memory, and every slot says itself whether it is filled: 0 where it is not. A value that has
 * been counted has been posted, and comes to be seen, so the wait in `take` ends. Taking leaves 0 behind for the next
 * program. Who comes last is chance, what it computes is not.
 */
export const board = `
var<workgroup> isLast : bool;
fn post(slot : i32, value : f32) {
  atomicStore(&board[slot + 1], max(~bitcast<u32>(value), 1u)); // 0 would stand for one of the NaN: another serves
}
fn isLastWorkgroup() -> bool {
  storageBarrier(); // what all lanes have posted comes before the count
  if (localIndex == 0u) {
    let others = numWorkgroups.x * numWorkgroups.y * numWorkgroups.z - 1u;
    isLast = atomicAdd(&board[0], 1u) == others;
    if (isLast) {
      atomicStore(&board[0], 0u);
    }
  }
  return workgroupUniformLoad(&isLast);
}
fn take(slot : i32) -> f32 {
  var code = 0u;
  while (code == 0u) {
    code = atomicExchange(&board[slot + 1], 0u);
  }
  return bitcast<f32>(~code);
}
`;

/** Length of the board for so many values. */
export const boardLength = (slots: number): number => slots + 1;

/**
 * `postRow(i, values)` for each row, one lane each, NaN in x where the row is not valid; then, in the last workgroup,
 * `sumOfRows()`: the sums over the valid rows and their number, in the order of the rows.
 *
 * @param fields how many of the four values there are
 */
export const sumsOfRows = (fields: number, lanes: number): string => `
${board}${overLanes("sumOfLanes", lanes, lanes, "a + b")}
struct RowSums { values : vec4<f32>, valid : f32 };
fn postRow(i : i32, values : vec4<f32>) {
  for (var field = 0; field < ${fields}; field++) {
    post(i * ${fields} + field, values[field]);
  }
}
fn sumOfRows() -> RowSums {
  var sums = vec4<f32>(0.0);
  var valid = vec4<f32>(0.0);
  for (var i = i32(localIndex); i < rowCount(); i += ${lanes}) {
    var values = vec4<f32>(0.0);
    for (var field = 0; field < ${fields}; field++) {
      values[field] = take(i * ${fields} + field);
    }
    if (!isnan(values.x)) {
      sums += values;
      valid.x += 1.0;
    }
  }
  return RowSums(sumOfLanes(sums), sumOfLanes(valid).x);
}
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

/** The scalars as uniforms, so that a program stays the same while they move. */
export function paramUniforms(params: LilawParams | null): Record<string, number> {
  return params === null ? {} : { alpha: params.alpha, beta: params.beta, delta: params.delta };
}
