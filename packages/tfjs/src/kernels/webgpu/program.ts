import { BackendUnavailableError } from "@lilaw/core";
import * as tf from "@tensorflow/tfjs-core";

/** One WGSL program, which is dispatched once. */
export interface Program {
  /** The variables that the code reads, by name; their shapes are in `uniforms.<name>Shape` */
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  /** `uniforms.<name>`, each f32 */
  readonly uniforms?: Readonly<Record<string, number>>;
  /** Shapes of the variables that the code writes, by name: `array<f32>` */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  /** Length of the variable `board : array<atomic<u32>>`, zeros before and after; absent where the code has none */
  readonly board?: number;
  /** How many workgroups of how many lanes; `lanes` is at most 256, what every WebGPU device has */
  readonly groups: number;
  readonly lanes: number;
  /** WGSL with `fn main(index : i32)`, index = workgroup * lanes + lane */
  readonly code: string;
}

/** The part of tfjs-backend-webgpu that runs programs. Its own types would make it a dependency. */
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
 * A program of tfjs has one output, at binding 0, and its inputs, read-only, from binding 1 on. What else is written
 * goes through tfjs as inputs, for which tfjs allocates memory like for any other, and the code declares the same
 * bindings once more as writable. Of two variables at one binding WebGPU counts the one that the code uses.
 *
 * @throws BackendUnavailableError where the device refused the program before
 */
export function run<T extends tf.Tensor[]>({
  inputs,
  uniforms = {},
  outputs,
  board,
  groups,
  lanes,
  code,
}: Program): T {
  const gpu = backend();
  const names = [...Object.keys(outputs), ...(board === undefined ? [] : ["board"])];
  const firstSlot = Object.keys(inputs).length + 1;
  const declarations = names.map((name, i) => declaration(name, i === 0 ? 0 : firstSlot + i - 1));
  const wholeCode = `${declarations.join("")}${code}`;
  checkNotRefused(gpu, wholeCode);
  const made = Object.values(outputs).map((shape) => gpu.makeTensorInfo([...shape], "float32"));
  const [first, ...others] = made as [tf.TensorInfo, ...tf.TensorInfo[]];
  const written = board === undefined ? others : [...others, boardOf(gpu, board)];
  const program = {
    variableNames: [...Object.keys(inputs), ...written.map((_, i) => `slot${i}`)],
    outputShape: first.shape,
    dispatchLayout: { x: first.shape.map((_, dimension) => dimension) },
    dispatch: [groups, 1, 1] as [number, number, number],
    workgroupSize: [lanes, 1, 1] as [number, number, number],
    // tfjs keeps compiled programs by this key: with the code itself no variant can be mistaken for another.
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
@group(0) @binding(${binding}) var<storage, read_write> ${name} : array<${name === "board" ? "atomic<u32>" : "f32"}>;`;

const boards = new WeakMap<WebGpuBackend, tf.TensorInfo>();

/** The board of a backend: every program leaves it as zeros, so one serves all, and none has to clear it first. */
function boardOf(gpu: WebGpuBackend, length: number): tf.TensorInfo {
  const present = boards.get(gpu);
  if (present !== undefined && present.shape[0]! >= length) return present;
  if (present !== undefined) gpu.disposeData(present.dataId);
  const size = 2 ** Math.ceil(Math.log2(length));
  const board = gpu.makeTensorInfo([size], "int32", new Int32Array(size));
  boards.set(gpu, board);
  return board;
}

/** What a device has against a program, by its code; undefined where it has nothing, or has not said so yet. */
const complaints = new WeakMap<WebGpuBackend, Map<string, string | undefined>>();

function checkNotRefused(gpu: WebGpuBackend, code: string): void {
  const complaint = complaints.get(gpu)?.get(code);
  if (complaint === undefined) return;
  throw new BackendUnavailableError(
    `The device refused a WGSL program; @lilaw/tfjs expects tfjs-backend-webgpu 4.22: ${complaint}`,
  );
}

/** Runs, and asks the device the first time: WebGPU refuses in silence, later, and the outputs would mean nothing. */
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
      () => {}, // a device that was lost meanwhile: tfjs says so itself
    );
  }
}
