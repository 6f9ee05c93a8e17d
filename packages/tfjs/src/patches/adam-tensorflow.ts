import * as tf from "@tensorflow/tfjs-core";
import { nodeBackend, type OpAttribute } from "./node-backend.js";
import type { ApplyGradients, NamedGradient } from "./optimizer-step.js";

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
 * The steps of tfjs's Adam with one TensorFlow operation for each variable; tfjs needs fourteen, each of which passes over all
 * the weights. The update is the same to rounding. The operation works on resource variables: three of them are used for
 * all weights, which are moved in and out without a copy. All state stays in tfjs's optimizer.
 */
export function adamOnTensorFlow(optimizer: AdamInternals): ApplyGradients {
  let resources: Resources | undefined; // created by the first step
  return {
    apply(gradients) {
      resources ??= new Resources();
      const { update } = resources;
      tf.tidy(() => {
        const { accBeta1, accBeta2, learningRate, beta1, beta2 } = optimizer;
        const numbers = [learningRate, beta1, beta2, uncorrectedEpsilon(optimizer)];
        const constants = [accBeta1, accBeta2, ...numbers.map((value) => tf.scalar(value))];
        gradients.forEach((gradient, i) => {
          const state = stateOf(optimizer, gradient, i);
          if (gradient.tensor != null) update("ResourceApplyAdam", state, [...constants, gradient.tensor]);
        });
        for (const [power, beta] of [
          [accBeta1, beta1],
          [accBeta2, beta2],
        ] as const) {
          power.assign(tf.scalar(numberOf(power) * Math.fround(beta)));
        }
      });
      optimizer.incrementIterations();
    },
    dispose: () => resources?.dispose(),
  };
}

/** tfjs adds epsilon to the root of the corrected second moment, TensorFlow to that of the uncorrected one. */
function uncorrectedEpsilon({ accBeta2, epsilon }: AdamInternals): number {
  return Math.sqrt(1 - numberOf(accBeta2)) * epsilon;
}

const numberOf = (scalar: tf.Tensor): number => scalar.dataSync()[0]!;

/** A variable and its two moments, which start at 0 and have the names that tfjs gives them. */
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

/** Three TensorFlow resource variables that hold the tensors of a variable during its update. */
class Resources {
  readonly #backend = nodeBackend();
  readonly #handles = Array.from({ length: 3 }, () => this.#create());

  /** Runs an operation that updates resource variables on the values of `state`, and assigns the results to them. */
  readonly update = (operation: string, state: tf.Variable[], inputs: tf.Tensor[]): void => {
    this.#handles.forEach((handle, k) => {
      this.#backend.executeMultipleOutputs(
        "AssignVariableOp",
        [this.#float("dtype")],
        [handle, state[k]!],
        0,
      );
    });
    for (const variable of state) this.#release(variable); // only after all assignments have succeeded
    try {
      this.#backend.executeMultipleOutputs(operation, [this.#float("T")], [...this.#handles, ...inputs], 0);
    } finally {
      this.#handles.forEach((handle, k) => {
        const value = this.#backend.executeSingleOutput("ReadVariableOp", [this.#float("dtype")], [handle]);
        state[k]!.assign(value);
      });
    }
  };

  /**
   * Leaves the memory of a variable to the resource until the variable is assigned again. TensorFlow updates memory with
   * one owner in place; where clones or views share it, TensorFlow makes a copy.
   */
  #release(variable: tf.Variable): void {
    if (this.#backend.refCount(variable.dataId) === 1) tf.engine().disposeTensor(variable);
  }

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
