/** A trained model as files: a TensorFlow.js layers model, and how a new sample becomes its input. */
import { expected } from "@lilaw/core";
import { checkEncoding, type Dataset, type Encoding } from "@lilaw/datasets";
import { type Outputs, outputsOf } from "@lilaw/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import * as v from "valibot";
import { seal, sha256, type Unit, unseal } from "./documents.js";

/** `inputs.json`: everything that a new sample needs to go through the model beside it. */
export interface ModelInputs extends Unit {
  readonly format: 1;
  /** The epoch, from 1, whose weights these are. */
  readonly epoch: number;
  readonly classNames: readonly string[];
  /** Shape of a sample. */
  readonly shape: readonly number[];
  /** How the numbers of a sample follow from its source. */
  readonly encoding: Encoding;
  /** The outputs of the model: logits, or probabilities by softmax or sigmoid. */
  readonly outputs: Outputs;
  /** Checksum of each file of the model. */
  readonly files: Readonly<Record<string, string>>;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const modelInputs = v.looseObject({
  format: v.literal(1),
  method: v.string(),
  seed: count,
  epoch: count,
  classNames: v.array(v.string()),
  shape: v.array(count),
  encoding: v.looseObject({}),
  outputs: v.picklist(["logits", "softmax", "sigmoid"]),
  files: v.record(v.string(), v.string()),
}) as unknown as v.GenericSchema<unknown, ModelInputs>;

/** The files of a model; `inputs.json` is written last. */
export const modelFile = { model: "model.json", weights: "weights.bin", inputs: "inputs.json" } as const;

/** The weights of a model, in the order of its `model.json`. */
export async function weightsOf(model: LayersModel): Promise<Uint8Array> {
  return (await artifactsOf(model)).weights;
}

/**
 * The files of a model.
 *
 * @param weights of an epoch: {@link weightsOf}
 */
export async function modelFiles(
  model: LayersModel,
  weights: Uint8Array,
  unit: Unit & { readonly epoch: number },
  { classNames, train, encoding }: Dataset,
): Promise<Map<string, string | Uint8Array>> {
  const { method, seed, epoch } = unit;
  const text = `${JSON.stringify((await artifactsOf(model)).document)}\n`;
  const inputs: ModelInputs = {
    format: 1,
    method,
    seed,
    epoch,
    classNames,
    shape: train.shape,
    encoding: encoding ?? { kind: "array", shape: train.shape, divisor: 1 },
    outputs: outputsOf(model),
    files: { [modelFile.model]: sha256(text), [modelFile.weights]: sha256(weights) },
  };
  return new Map<string, string | Uint8Array>([
    [modelFile.model, text],
    [modelFile.weights, weights],
    [modelFile.inputs, `${JSON.stringify(seal(inputs), null, 2)}\n`],
  ]);
}

/**
 * Reads `inputs.json`.
 *
 * @param name of the file, for errors
 * @throws CORRUPT_FILE, CHECKSUM_MISMATCH
 */
export function parseModelInputs(text: string, name: string): ModelInputs {
  const { document } = unseal(text, name, modelInputs);
  checkEncoding(document.encoding, `encoding of ${name}`);
  return document;
}

/** The content of `model.json`, and the weights as bytes. */
async function artifactsOf(model: LayersModel): Promise<{ document: object; weights: Uint8Array }> {
  let saved: tf.io.ModelArtifacts | undefined;
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    saved = artifacts;
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
  });
  await model.save(handler);
  const { modelTopology, weightSpecs, weightData, format, generatedBy, convertedBy = null } = saved!;
  const weightsManifest = [{ paths: [modelFile.weights], weights: weightSpecs }];
  return {
    document: { format, generatedBy, convertedBy, modelTopology, weightsManifest },
    weights: new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData)),
  };
}

/**
 * The layers model of these files.
 *
 * @param name of the folder, for errors
 * @throws CORRUPT_FILE for files that hold no such model
 */
export async function modelOf(text: string, weights: Uint8Array, name: string): Promise<LayersModel> {
  const { loadLayersModel } = await import("@tensorflow/tfjs-layers");
  try {
    const { modelTopology, weightsManifest } = JSON.parse(text);
    const artifacts = {
      modelTopology,
      weightSpecs: weightsManifest[0].weights,
      weightData: weights.slice().buffer,
    };
    return await loadLayersModel(tf.io.fromMemory(artifacts));
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0];
    throw expected("CORRUPT_FILE", "a TensorFlow.js layers model", name, reason);
  }
}
