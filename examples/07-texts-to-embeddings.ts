/**
 * 07: from texts to suspect labels. Texts become embeddings by a model of transformers.js that is a folder on this machine;
 * then a linear model learns the labels with LiLAW, and the labels that it believes least are printed.
 *
 *     npm install @huggingface/transformers
 *     node dist/07-texts-to-embeddings.js MODELS/NAME reviews.jsonl
 *
 * The model folder holds `config.json`, `tokenizer.json`, `tokenizer_config.json` and `onnx/model.onnx`, as a model for
 * feature extraction on the Hugging Face Hub does. Each line of the file is an object: `{"text": "…", "label": "…"}`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readRows } from "@lilaw/datasets";

interface Sample {
  text: string;
  label: string;
}

/** The part of transformers.js that is used here. It is large, so that only those who want this example install it. */
interface Transformers {
  env: { allowRemoteModels: boolean; localModelPath: string };
  pipeline(task: "feature-extraction", model: string, options: { dtype: "fp32" }): Promise<Embed>;
}
type Embed = (texts: string[], options: object) => Promise<{ tolist(): number[][] }>;

const [model, file] = process.argv.slice(2);
if (model === undefined || file === undefined) {
  console.error("usage: node dist/07-texts-to-embeddings.js MODEL_FOLDER TEXTS.jsonl");
  process.exit(2);
}

const samples = readFileSync(file, "utf8")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => JSON.parse(line) as Sample);
const folder = mkdtempSync(join(tmpdir(), "lilaw-"));
const [embeddings, run] = [join(folder, "embeddings.jsonl"), join(folder, "run")];
writeFileSync(embeddings, await embedded(samples, await embedder(model)));
train(embeddings, run);
for (const { row, probability } of await suspects(run, 10)) {
  const { text, label } = samples[row]!;
  console.log(`suspect ${row}: ${label} (${probability.toFixed(3)}), "${text}"`);
}

async function embedder(model: string): Promise<Embed> {
  // Not a literal, since TypeScript would look for the package.
  const name: string = "@huggingface/transformers";
  const { env, pipeline } = (await import(name)) as Transformers;
  env.allowRemoteModels = false;
  env.localModelPath = dirname(resolve(model));
  return pipeline("feature-extraction", basename(model), { dtype: "fp32" });
}

/** JSON lines with the mean of each text's token vectors, of length 1. */
async function embedded(samples: readonly Sample[], embed: Embed): Promise<string> {
  const lines: string[] = [];
  for (let start = 0; start < samples.length; start += 32) {
    const batch = samples.slice(start, start + 32);
    const texts = batch.map(({ text }) => text);
    const vectors = (await embed(texts, { pooling: "mean", normalize: true })).tolist();
    for (const [i, { label }] of batch.entries())
      lines.push(JSON.stringify({ embedding: vectors[i], label }));
  }
  return `${lines.join("\n")}\n`;
}

function train(data: string, out: string): void {
  const manifest = fileURLToPath(import.meta.resolve("@lilaw/cli/package.json"));
  const command = join(dirname(manifest), JSON.parse(readFileSync(manifest, "utf8")).bin.lilaw);
  const settings = ["--model", "linear", "--methods", "lilaw", "--epochs", "20", "--learning-rate", "0.05"];
  const args = [
    command,
    "train",
    "--train",
    data,
    ...settings,
    "--batch-size",
    "32",
    "--out",
    out,
    "--quiet",
  ];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

/** The samples whose labels had the lowest probability over the whole run. */
async function suspects(run: string, count: number): Promise<{ row: number; probability: number }[]> {
  const everyRow = new Set(samples.keys());
  const { columns, cells } = await readRows(join(run, "lilaw-1", "samples.csv"), everyRow);
  const [row, probability] = ["row", "meanLabelProb"].map((name) => columns.indexOf(name)) as [
    number,
    number,
  ];
  return [...cells.values()]
    .map((line) => ({ row: Number(line[row]), probability: Number(line[probability]) }))
    .sort((a, b) => a.probability - b.probability)
    .slice(0, count);
}
