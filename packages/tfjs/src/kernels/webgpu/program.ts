import * as tf from "@tensorflow/tfjs-core";

/** One WGSL program. Its result is a float32 tensor: tfjs gives a program a single output. */
export interface Program {
  /** The variables of the code by name; their shapes are in `uniforms.<name>Shape` */
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  /** `uniforms.<name>`, each f32 */
  readonly uniforms?: Readonly<Record<string, number>>;
  readonly outputShape: readonly number[];
  /** How many workgroups of how many lanes; `lanes` is at most 256, what every WebGPU device has */
  readonly groups: number;
  readonly lanes: number;
  /** WGSL with `fn main(index : i32)`, index = workgroup * lanes + lane, which writes `result` */
  readonly code: string;
}

/** The part of tfjs-backend-webgpu that runs programs. Its own types would make it a dependency. */
interface WebGpuBackend {
  readonly tensorMap: { get(dataId: object): { readonly values?: ArrayLike<number> | null } };
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
  ): tf.TensorInfo;
}

const backend = (): WebGpuBackend => tf.backend() as unknown as WebGpuBackend;

export function run({ inputs, uniforms = {}, outputShape, groups, lanes, code }: Program): tf.Tensor {
  const program = {
    variableNames: Object.keys(inputs),
    outputShape: [...outputShape],
    dispatchLayout: { x: outputShape.map((_, dimension) => dimension) },
    dispatch: [groups, 1, 1] as [number, number, number],
    workgroupSize: [lanes, 1, 1] as [number, number, number],
    // tfjs keeps compiled programs by this key: with the code itself no variant can be mistaken for another.
    shaderKey: code,
    uniforms: Object.keys(uniforms)
      .map((name) => `${name} : f32, `)
      .join(""),
    getUserCode: () => code,
  };
  const values = Object.values(uniforms).map((value) => ({ type: "float32" as const, data: [value] }));
  const output = backend().runWebGPUProgram(program, Object.values(inputs), "float32", values);
  return tf.engine().makeTensorFromTensorInfo(output);
}

/** The values of a tensor that has not left the host yet; those on the device cannot be read synchronously. */
export function hostValues({ dataId }: tf.TensorInfo): ArrayLike<number> | undefined {
  return backend().tensorMap.get(dataId).values ?? undefined;
}
