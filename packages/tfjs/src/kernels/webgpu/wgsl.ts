/** WGSL that several programs share. Texts can be joined in any order. */
import type { LilawParams } from "@lilaw/core";

/** `isFinite(x)`, from the bits of x: compilers may assume that no number is NaN or infinite, and drop comparisons. */
export const finiteness = `
fn isFinite(x : f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
`;

/**
 * A function `name` that combines the values of each group of `width` lanes, in a fixed order (a tree). All lanes must call it.
 *
 * @param lanes of the workgroup; width, a power of 2, divides them
 * @param combine a WGSL expression of `a` and `b`, vec4<f32> of a lower and a higher lane
 */
export function overLanes(name: string, lanes: number, width: number, combine: string): string {
  return `
var<workgroup> ${name}Scratch : array<vec4<f32>, ${lanes}>;
fn ${name}(value : vec4<f32>) -> vec4<f32> {
  workgroupBarrier(); // lanes may still be reading the result of the call before
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
 * A mailbox passes values from all workgroups to the one that ends last: each stores its values in slots with
 * `mailboxStore`; then all lanes call `isLastWorkgroup`, and where it is true each slot may be read once with `mailboxLoad`.
 *
 * WGSL orders no memory accesses between workgroups but those to the same atomic. So the number of workgroups that are done
 * does not guarantee that their other writes are visible, and each slot tells itself whether it is filled: it is 0 where it is
 * not. The value of a workgroup that was counted has been stored and will become visible, so the wait in `mailboxLoad` ends.
 * Loading resets the slot to 0 for the next program. Which workgroup ends last is random, its result is not.
 */
export const mailbox = `
var<workgroup> isLast : bool;
fn mailboxStore(slot : i32, value : f32) {
  atomicStore(&mailbox[slot + 1], max(~bitcast<u32>(value), 1u)); // one of the NaN has the code 0: another NaN replaces it
}
fn isLastWorkgroup() -> bool {
  storageBarrier(); // the values of all lanes are stored before the count
  if (localIndex == 0u) {
    let others = numWorkgroups.x * numWorkgroups.y * numWorkgroups.z - 1u;
    isLast = atomicAdd(&mailbox[0], 1u) == others;
    if (isLast) {
      atomicStore(&mailbox[0], 0u);
    }
  }
  return workgroupUniformLoad(&isLast);
}
fn mailboxLoad(slot : i32) -> f32 {
  var code = 0u;
  while (code == 0u) {
    code = atomicExchange(&mailbox[slot + 1], 0u);
  }
  return bitcast<f32>(~code);
}
`;

/** Length of the mailbox for a number of values. */
export const mailboxLength = (slots: number): number => slots + 1;

/**
 * `storeRow(i, values)` for each row, one lane each, NaN in x where the row is not valid; then, in the last workgroup,
 * `sumOfRows()`: the sums over the valid rows and their number, in the order of the rows.
 *
 * @param fields how many of the four values are used
 */
export const sumsOfRows = (fields: number, lanes: number): string => `
${mailbox}${overLanes("sumOfLanes", lanes, lanes, "a + b")}
struct RowSums { values : vec4<f32>, valid : f32 };
fn storeRow(i : i32, values : vec4<f32>) {
  for (var field = 0; field < ${fields}; field++) {
    mailboxStore(i * ${fields} + field, values[field]);
  }
}
fn sumOfRows() -> RowSums {
  var sums = vec4<f32>(0.0);
  var valid = vec4<f32>(0.0);
  for (var i = i32(localIndex); i < rowCount(); i += ${lanes}) {
    var values = vec4<f32>(0.0);
    for (var field = 0; field < ${fields}; field++) {
      values[field] = mailboxLoad(i * ${fields} + field);
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
 * @param moved whether there is a variable `moved` to add to the scalars
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

/** The scalars as uniforms, so that one program serves all their values. */
export function paramUniforms(params: LilawParams | null): Record<string, number> {
  return params === null ? {} : { alpha: params.alpha, beta: params.beta, delta: params.delta };
}
