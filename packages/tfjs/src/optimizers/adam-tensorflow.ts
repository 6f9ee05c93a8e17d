import * as tf from "@tensorflow/tfjs-core";
import { nodeBackend, type OpAttribute } from "../kernels/node-backend.js";
import type { ApplyGradients, NamedGradient } from "./apply-gradients.js";

/** The members of tfjs's AdamOptimizer that its types hide. */
export interface AdamInternals {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  accBeta1: tf.Variable;
  accBeta2: tf.Variable;
  accumulatedFirstMoment: Moment[];
  accumulatedSecondMoment: Moment[];
  incrementIterations(): void;
}

interface Moment {
  originalName: string;
  variable: tf.Variable;
}

/**
 * The steps of tfjs's Adam as one TensorFlow operation a variable, where tfjs takes fourteen that each pass over all
 * the weights: the same update to rounding. The operation works on resource variables; three of them serve for
 * all weights, which are handed in and read back without a copy. All state stays in tfjs's optimizer.
 */
export function adamOnTensorFlow(optimizer: AdamInternals): ApplyGradients {
  let resources: Resources | undefined; // made at the first step, which may never come
  return {
    apply(gradients) {
      resources ??= new Resources();
      const { run } = resources;
      tf.tidy(() => {
        const { accBeta1, accBeta2, learningRate, beta1, beta2, epsilon } = optimizer;
        // tfjs adds epsilon to the corrected second moment's root, TensorFlow to the uncorrected one's.
        const uncorrected = tf.mul(tf.sqrt(tf.sub(1, accBeta2)), epsilon);
        const [rate, first, second] = [learningRate, beta1, beta2].map((value) => tf.scalar(value));
        const constants = [accBeta1, accBeta2, rate!, first!, second!, uncorrected];
        gradients.forEach((gradient, i) => {
          const state = stateOf(optimizer, gradient, i);
          if (gradient.tensor == null) return;
          const updated = run("ResourceApplyAdam", state, [...constants, gradient.tensor]);
          state.forEach((variable, k) => {
            variable.assign(updated[k]!);
          });
        });
        accBeta1.assign(tf.mul(accBeta1, beta1));
        accBeta2.assign(tf.mul(accBeta2, beta2));
      });
      optimizer.incrementIterations();
    },
    dispose: () => resources?.dispose(),
  };
}

/** A variable with its two moments, which start at 0, named as tfjs names them. */
function stateOf(optimizer: AdamInternals, { name }: NamedGradient, i: number): tf.Variable[] {
  const value = tf.engine().registeredVariables[name]!;
  const moment = (moments: Moment[], suffix: string): tf.Variable => {
    moments[i] ??= { originalName: `${name}/${suffix}`, variable: tf.variable(tf.zerosLike(value), false) };
    return moments[i].variable;
  };
  return [
    value,
    moment(optimizer.accumulatedFirstMoment, "m"),
    moment(optimizer.accumulatedSecondMoment, "v"),
  ];
}

let created = 0;

/** Three TensorFlow resource variables through which tensors pass. */
class Resources {
  readonly #backend = nodeBackend();
  readonly #handles = Array.from({ length: 3 }, () => this.#create());

  /** Runs an operation that updates resource variables, on the values of `state`; returns the new values. */
  readonly run = (operation: string, state: tf.Tensor[], inputs: tf.Tensor[]): tf.Tensor[] => {
    this.#handles.forEach((handle, k) => {
      this.#backend.executeMultipleOutputs(
        "AssignVariableOp",
        [this.#float("dtype")],
        [handle, state[k]!],
        0,
      );
    });
    this.#backend.executeMultipleOutputs(operation, [this.#float("T")], [...this.#handles, ...inputs], 0);
    return this.#handles.map((handle) =>
      this.#backend.executeSingleOutput("ReadVariableOp", [this.#float("dtype")], [handle]),
    );
  };

  dispose(): void {
    for (const handle of this.#handles) {
      this.#backend.executeMultipleOutputs("DestroyResourceOp", [], [handle], 0);
      handle.dispose();
    }
  }

  #create(): tf.Tensor {
    const { TF_ATTR_SHAPE, TF_ATTR_STRING } = this.#backend.binding;
    const handle = this.#backend.executeSingleOutput(
      "VarHandleOp",
      [
        this.#float("dtype"),
        { name: "shape", type: TF_ATTR_SHAPE, value: [] }, // that of the first value; later ones may differ
        { name: "shared_name", type: TF_ATTR_STRING, value: `lilaw/${created++}` },
        { name: "container", type: TF_ATTR_STRING, value: "" },
      ],
      [],
    );
    return tf.keep(handle);
  }

  #float(name: string): OpAttribute {
    const { TF_ATTR_TYPE, TF_FLOAT } = this.#backend.binding;
    return { name, type: TF_ATTR_TYPE, value: TF_FLOAT };
  }
}
