import { join } from "node:path";
import { expected } from "@lilaw/core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { sha256, type Unit } from "./documents.js";
import { type ModelInputs, modelFile, modelOf, parseModelInputs } from "./model-files.js";
import { nameOf, type RunFolder } from "./run-folder.js";

/** Which of the two models that a unit keeps. */
export type KeptEpoch = "best" | "last";

export interface KeptModel {
  /** The caller disposes it. */
  readonly model: LayersModel;
  readonly inputs: ModelInputs;
}

/**
 * A model that a finished unit keeps, on the backend in use.
 *
 * @throws INCOMPATIBLE_STATE (a unit without models), CORRUPT_FILE, CHECKSUM_MISMATCH
 */
export async function loadModel(folder: RunFolder, unit: Unit, epoch: KeptEpoch): Promise<KeptModel> {
  const path = (name: string) => `model/${epoch}/${name}`;
  const read = (name: string) => folder.fileOf(unit, path(name));
  const place = join(folder.path, nameOf(unit), "model", epoch);
  const inputs = parseModelInputs((await read(modelFile.inputs)).toString(), join(place, modelFile.inputs));
  const [text, weights] = [await read(modelFile.model), await read(modelFile.weights)];
  for (const [name, content] of [[modelFile.model, text] as const, [modelFile.weights, weights] as const]) {
    if (sha256(content) === inputs.files[name]) continue;
    throw expected(
      "CHECKSUM_MISMATCH",
      `the model of ${modelFile.inputs}`,
      join(place, name),
      sha256(content),
    );
  }
  return { model: await modelOf(text.toString(), weights, place), inputs };
}
