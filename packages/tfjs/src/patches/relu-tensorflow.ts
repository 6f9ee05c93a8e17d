import * as tf from "@tensorflow/tfjs-core";
import { nodeBackend } from "./node-backend.js";

const ReluGradient = "LilawReluGradient";

/**
 * Runs `compute` with faster derivatives of ReLU on tfjs's tensorflow backend, which give the same numbers; but an
 * activation that is NaN has the derivative 0 where tfjs has NaN. Afterwards tfjs is as it was.
 */
export function withFastRelu<T>(compute: () => T): T {
  if (tf.getBackend() !== "tensorflow") return compute();
  const step = tf.getKernel(tf.Step, "tensorflow")!;
  const gradient = tf.getGradient(tf.Relu)!;
  replaceKernel(fastStep(step));
  tf.registerGradient(fastGradient(gradient));
  try {
    return compute();
  } finally {
    replaceKernel(step);
    tf.registerGradient(gradient);
  }
}

/**
 * Forward derivatives use step(x). tfjs-node computes it with whole tensors of constants; sign(max(x, 0)) is the same, also for
 * NaN.
 */
function fastStep(own: tf.KernelConfig): tf.KernelConfig {
  return {
    ...own,
    kernelFunc(args) {
      const x = args.inputs.x as tf.Tensor;
      if (args.attrs?.alpha !== 0 || x.dtype !== "float32") return own.kernelFunc(args);
      return tf.tidy(() => tf.sign(tf.relu(x)));
    },
  };
}

/** TensorFlow's own operation: one pass over all elements instead of four. */
function fastGradient(own: tf.GradConfig): tf.GradConfig {
  return {
    ...own,
    gradFunc: (dy, [x]) => ({ x: () => reluGradient(dy as tf.Tensor, x!) }),
  };
}

/** dy where x > 0, else 0. It is a kernel with a gradient, for losses that contain gradients. */
function reluGradient(dy: tf.Tensor, x: tf.Tensor): tf.Tensor {
  if (tf.getKernel(ReluGradient, "tensorflow") === undefined) registerReluGradient();
  return tf.engine().runKernel(ReluGradient, { dy, x }) as tf.Tensor;
}

function registerReluGradient(): void {
  tf.registerKernel({
    kernelName: ReluGradient,
    backendName: "tensorflow",
    kernelFunc({ inputs }) {
      const backend = nodeBackend();
      const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
      const type = { name: "T", type: TF_ATTR_TYPE, value: TF_FLOAT };
      return backend.executeSingleOutput("ReluGrad", [type], [inputs.dy!, inputs.x!]);
    },
  });
  tf.registerGradient({
    kernelName: ReluGradient,
    inputsToSave: ["x"],
    gradFunc: (ddy, [x]) => ({
      dy: () => reluGradient(ddy as tf.Tensor, x!),
      x: () => tf.zerosLike(x!),
    }),
  });
}

function replaceKernel(config: tf.KernelConfig): void {
  tf.unregisterKernel(config.kernelName, config.backendName); // tfjs warns of a second registration
  tf.registerKernel(config);
}
