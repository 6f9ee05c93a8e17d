import { fit, learningToReweight, lilaw, plain, type RouteName, type Weighting } from "@lilaw/tfjs";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import type { Samples } from "./models.js";

/** One epoch, in batches of `batchSize`, with validation samples for the methods that want some. */
export type Train = (
  model: LayersModel,
  samples: Samples,
  validation: Samples,
  batchSize: number,
) => Promise<unknown>;

const ours =
  (weighting: (validation: Samples, batchSize: number) => Weighting): Train =>
  (model, { x, y }, validation, batchSize) =>
    fit(model, x, y, { batchSize, verbose: 0, weighting: weighting(validation, batchSize) });

/** The number of validation samples in a step, as a share of the training batch. */
const shares = { "1": 1, "1/4": 1 / 4, "1/10": 1 / 10 };
type Share = keyof typeof shares;

export const ourPlain = ours(() => plain());

export const lilawWith = (share: Share = "1"): Train =>
  ours(({ x, y }, batchSize) =>
    lilaw({ validation: [x, y], warmupEpochs: 0, validationBatchSize: part(batchSize, share) }),
  );

export const l2rwWith = (route: RouteName, share: Share = "1"): Train =>
  ours(({ x, y }, batchSize) =>
    learningToReweight({ validation: [x, y], route, validationBatchSize: part(batchSize, share) }),
  );

export const part = (batchSize: number, share: Share): number => Math.round(batchSize * shares[share]);

/** The method that the others are compared with. */
export const baseline = "model.fit";

export const modelFit: Train = (model, { x, y }, _, batchSize) => model.fit(x, y, { batchSize, verbose: 0 });

const byShare = (name: string, train: (share: Share) => Train): [string, Train][] =>
  (Object.keys(shares) as Share[]).map((share) => [`${name}, validation batch ${share}`, train(share)]);

/** All methods by name. */
export const methods: Readonly<Record<string, Train>> = {
  [baseline]: modelFit,
  plain: ourPlain,
  "plain, loss on logits": ours(() => plain({ loss: "cross-entropy" })),
  ...Object.fromEntries([
    ...byShare("lilaw", lilawWith),
    ...byShare("l2rw tangent", (share) => l2rwWith("tangent", share)),
    ...byShare("l2rw central-difference", (share) => l2rwWith("central-difference", share)),
    ...byShare("l2rw last-layer", (share) => l2rwWith("last-layer", share)),
  ]),
};
