import { BackendUnavailableError } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";

/** A WGSL program that is dispatched once. */
export interface Program {
  /** The variables that the code reads, by name; their shapes are in `uniforms.<name>Shape` */
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  /** `uniforms.<name>`, each f32 */
  readonly uniforms?: Readonly<Record<string, number>>;
  /** Shapes of the variables that the code writes, by name: `array<f32>` */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  /** Length of the variable `mailbox : array<atomic<u32>>`, all 0 before and after the program; absent where the code has none */
  readonly mailbox?: number;
  /** The number of workgroups, and of lanes in each: at most 256, the limit of every WebGPU device */
  readonly groups: number;
  readonly lanes: number;
  /** WGSL with `fn main(index : i32)`, index = workgroup * lanes + lane */
  readonly code: string;
}

/** The part of tfjs-backend-webgpu that runs programs. Importing its types would make it a dependency. */
interface WebGpuBackend {
  readonly device: {
    pushErrorScope(filter: "validation"): void;
    popErrorScope(): Promise<{ readonly message: string } | null>;
  };
  makeTensorInfo(shape: number[], dtype: tf.DataType, values?: Int32Array): tf.TensorInfo;
  disposeData(dataId: object): boolean;
  runWebGPUProgram(
    program: {
      variableNames: string[];
      outputShape: number[];
      dispatchLayout: { x: number[] };
      dispatch: [number, number, number];
      workgroupSize: [number, number, number];
      shaderKey: string;
      uniforms: string;
      getUserCode(): string;
    },
    inputs: tf.TensorInfo[],
    dtype: tf.DataType,
    uniforms: { type: "float32"; data: number[] }[],
    output: tf.TensorInfo,
  ): tf.TensorInfo;
}

const backend = (): WebGpuBackend => tf.backend() as unknown as WebGpuBackend;

/**
 * Runs a program; its outputs in their order, whose ranks are those of `outputs`.
 *
 * A program of tfjs has one output, at binding 0, and read-only inputs, from binding 1 on. Further outputs are passed to tfjs
 * as inputs, for which it allocates memory as for any other, and the code declares their bindings a second time, as writable.
 * Of two variables at one binding WebGPU considers only the one that the code uses.
 *
 * @throws BackendUnavailableError where the device has refused the program before
 */
export function run<T extends tf.Tensor[]>({
  inputs,
  uniforms = {},
  outputs,
  mailbox,
  groups,
  lanes,
  code,
}: Program): T {
  const gpu = backend();
  const names = [...Object.keys(outputs), ...(mailbox === undefined ? [] : ["mailbox"])];
  const firstSlot = Object.keys(inputs).length + 1;
  const declarations = names.map((name, i) => declaration(name, i === 0 ? 0 : firstSlot + i - 1));
  const wholeCode = `${declarations.join("")}${code}`;
  checkNotRefused(gpu, wholeCode);
  const made = Object.values(outputs).map((shape) => gpu.makeTensorInfo([...shape], "float32"));
  const [first, ...others] = made as [tf.TensorInfo, ...tf.TensorInfo[]];
  const written = mailbox === undefined ? others : [...others, mailboxOf(gpu, mailbox)];
  const program = {
    variableNames: [...Object.keys(inputs), ...written.map((_, i) => `slot${i}`)],
    outputShape: first.shape,
    dispatchLayout: { x: first.shape.map((_, dimension) => dimension) },
    dispatch: [groups, 1, 1] as [number, number, number],
    workgroupSize: [lanes, 1, 1] as [number, number, number],
    // tfjs caches compiled programs by this key. The code itself is the key, so that all variants differ.
    shaderKey: wholeCode,
    uniforms: Object.keys(uniforms)
      .map((name) => `${name} : f32, `)
      .join(""),
    getUserCode: () => wholeCode,
  };
  const values = Object.values(uniforms).map((value) => ({ type: "float32" as const, data: [value] }));
  const tensors = made.map((info) => tf.engine().makeTensorFromTensorInfo(info));
  try {
    watched(gpu, wholeCode, () => {
      gpu.runWebGPUProgram(program, [...Object.values(inputs), ...written], "float32", values, first);
    });
  } catch (error) {
    tf.dispose(tensors);
    throw error;
  }
  return tensors as T;
}

const declaration = (name: string, binding: number): string => `
@group(0) @binding(${binding}) var<storage, read_write> ${name} : array<${name === "mailbox" ? "atomic<u32>" : "f32"}>;`;

const mailboxes = new WeakMap<WebGpuBackend, tf.TensorInfo>();

/** The mailbox of a backend. Every program leaves it filled with 0, so all programs share it and none has to clear it. */
function mailboxOf(gpu: WebGpuBackend, length: number): tf.TensorInfo {
  const present = mailboxes.get(gpu);
  if (present !== undefined && present.shape[0]! >= length) return present;
  if (present !== undefined) gpu.disposeData(present.dataId);
  const size = 2 ** Math.ceil(Math.log2(length));
  const mailbox = gpu.makeTensorInfo([size], "int32", new Int32Array(size));
  mailboxes.set(gpu, mailbox);
  return mailbox;
}

/** Why a device refused a program, by the code of the program; undefined where it did not, or has not answered yet. */
const complaints = new WeakMap<WebGpuBackend, Map<string, string | undefined>>();

function checkNotRefused(gpu: WebGpuBackend, code: string): void {
  const complaint = complaints.get(gpu)?.get(code);
  if (complaint === undefined) return;
  throw new BackendUnavailableError(
    `The device refused a WGSL program; @lilaw/tfjs expects tfjs-backend-webgpu 4.22: ${complaint}`,
  );
}

/** Runs a program, and the first time asks the device whether it refuses it: WebGPU reports that later, in no result. */
function watched(gpu: WebGpuBackend, code: string, runProgram: () => void): void {
  const known = complaints.get(gpu) ?? new Map<string, string | undefined>();
  complaints.set(gpu, known);
  if (known.has(code)) {
    runProgram();
    return;
  }
  gpu.device.pushErrorScope("validation");
  try {
    runProgram();
    known.set(code, undefined);
  } finally {
    gpu.device.popErrorScope().then(
      (error) => error && known.set(code, error.message),
      () => {}, // the device was lost meanwhile, which tfjs reports itself
    );
  }
}
