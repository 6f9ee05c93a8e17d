import { CustomCallback, type CustomCallbackArgs, type LayersModel } from "@tensorflow/tfjs-layers";
import type { BatchSource } from "./batch-source.js";

type Callback = Pick<
  CustomCallback,
  | "setParams"
  | "setModel"
  | "onTrainBegin"
  | "onTrainEnd"
  | "onEpochBegin"
  | "onEpochEnd"
  | "onBatchBegin"
  | "onBatchEnd"
>;

/**
 * The first error of a training. An error thrown within tfjs's loop would leave its tensors behind. So errors are caught
 * there: the training ends like one that is stopped, none of its callbacks runs any more, and the error is thrown at the end.
 */
export class Failure {
  readonly #stop: () => void;
  #error: { readonly cause: unknown } | undefined;

  /** @param stop ends the training after the step */
  constructor(stop: () => void) {
    this.#stop = stop;
  }

  /** Runs a part of the training; undefined where it fails, or where something has failed before. */
  run<R>(part: () => R): R | undefined {
    if (this.#stopped()) return undefined;
    try {
      return part();
    } catch (cause) {
      this.#fail(cause);
      return undefined;
    }
  }

  /** {@link run} for an asynchronous part. */
  async wait<R>(part: () => R | Promise<R>): Promise<R | undefined> {
    if (this.#stopped()) return undefined;
    try {
      return await part();
    } catch (cause) {
      this.#fail(cause);
      return undefined;
    }
  }

  /** Throws the first error, if there is one. */
  tell(): void {
    if (this.#error !== undefined) throw this.#error.cause;
  }

  #stopped(): boolean {
    if (this.#error === undefined) return false;
    this.#stop(); // again, since tfjs clears the flag when a training begins
    return true;
  }

  #fail(cause: unknown): void {
    this.#error ??= { cause };
    this.#stop();
  }
}

/** A callback that is not called after a failure. */
export class GuardedCallback extends CustomCallback {
  readonly #callback: Callback;
  readonly #failure: Failure;

  constructor(callback: Callback, failure: Failure) {
    super({} as CustomCallbackArgs, "never");
    this.#callback = callback;
    this.#failure = failure;
  }

  override setParams(params: Parameters<Callback["setParams"]>[0]): void {
    this.#callback.setParams(params);
  }

  override setModel(model: LayersModel): void {
    this.#callback.setModel(model);
  }

  override onTrainBegin(...args: Parameters<Callback["onTrainBegin"]>) {
    return this.#failure.wait(() => this.#callback.onTrainBegin(...args));
  }

  override onTrainEnd(...args: Parameters<Callback["onTrainEnd"]>) {
    return this.#failure.wait(() => this.#callback.onTrainEnd(...args));
  }

  override onEpochBegin(...args: Parameters<Callback["onEpochBegin"]>) {
    return this.#failure.wait(() => this.#callback.onEpochBegin(...args));
  }

  override onEpochEnd(...args: Parameters<Callback["onEpochEnd"]>) {
    return this.#failure.wait(() => this.#callback.onEpochEnd(...args));
  }

  override onBatchBegin(...args: Parameters<Callback["onBatchBegin"]>) {
    return this.#failure.wait(() => this.#callback.onBatchBegin(...args));
  }

  override onBatchEnd(...args: Parameters<Callback["onBatchEnd"]>) {
    return this.#failure.wait(() => this.#callback.onBatchEnd(...args));
  }
}

/** The batches of a source, which end after a failure. The epoch does not count as complete then. */
export function guardedBatches(
  source: BatchSource,
  failure: Failure,
): Pick<BatchSource, "size" | "iterator"> {
  const none = { value: null, done: false };
  return {
    size: source.size,
    async iterator() {
      const batches = await failure.wait(() => source.iterator());
      return { next: async () => (await failure.wait(() => batches!.next())) ?? none };
    },
  };
}
