/** A model of one operation that looks up the vector of each word, written as ONNX and as transformers.js expects it. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A folder with the model: `vectors` are those of its words, all of one length. */
export async function writeTinyModel(
  folder: string,
  vectors: Readonly<Record<string, readonly number[]>>,
): Promise<void> {
  const words = ["[PAD]", "[UNK]", ...Object.keys(vectors)];
  const size = Object.values(vectors)[0]!.length;
  const zeros = new Array<number>(size).fill(0);
  const table = words.flatMap((word) => vectors[word] ?? zeros);
  await mkdir(join(folder, "onnx"), { recursive: true });
  await writeFile(join(folder, "onnx", "model.onnx"), lookup(Float32Array.from(table), words.length, size));
  const json = (name: string, content: object) => writeFile(join(folder, name), JSON.stringify(content));
  await json("config.json", { model_type: "bert", architectures: ["BertModel"] });
  await json("tokenizer_config.json", {
    tokenizer_class: "BertTokenizer",
    pad_token: "[PAD]",
    unk_token: "[UNK]",
    model_max_length: 32,
  });
  const pad = { id: 0, content: "[PAD]", special: true };
  await json("tokenizer.json", {
    version: "1.0",
    added_tokens: [{ ...pad, single_word: false, lstrip: false, rstrip: false, normalized: false }],
    truncation: null,
    padding: null,
    normalizer: { type: "Lowercase" },
    post_processor: null,
    decoder: null,
    pre_tokenizer: { type: "Whitespace" },
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries(words.map((word, i) => [word, i])),
      unk_token: "[UNK]",
    },
  });
}

/** ONNX: `last_hidden_state = Gather(table, input_ids)`. The numbers of the fields are those of onnx.proto. */
function lookup(table: Float32Array, words: number, size: number): Buffer {
  const bytes = Buffer.from(table.buffer);
  const [float, int64] = [1, 7];
  const node = message(
    1,
    text(1, "table"),
    text(1, "input_ids"),
    text(2, "last_hidden_state"),
    text(4, "Gather"),
  );
  const weights = message(5, int(1, words), int(1, size), int(2, float), text(8, "table"), field(9, bytes));
  const graph = message(
    7,
    node,
    text(2, "tiny"),
    weights,
    value(11, "input_ids", int64, ["batch", "tokens"]),
    value(11, "attention_mask", int64, ["batch", "tokens"]),
    value(12, "last_hidden_state", float, ["batch", "tokens", size]),
  );
  return Buffer.concat([int(1, 8), graph, message(8, text(1, ""), int(2, 13))]);
}

/** An input or output of the graph; axes are numbers, or names where they may have any size. */
function value(id: number, name: string, type: number, axes: readonly (number | string)[]): Buffer {
  const shape = axes.map((axis) => message(1, typeof axis === "number" ? int(1, axis) : text(2, axis)));
  return message(id, text(1, name), message(2, message(1, int(1, type), message(2, ...shape))));
}

function message(id: number, ...parts: readonly Buffer[]): Buffer {
  return field(id, Buffer.concat(parts));
}

function text(id: number, content: string): Buffer {
  return field(id, Buffer.from(content));
}

function field(id: number, content: Buffer): Buffer {
  return Buffer.concat([varint((id << 3) | 2), varint(content.length), content]);
}

function int(id: number, content: number): Buffer {
  return Buffer.concat([varint(id << 3), varint(content)]);
}

/** Seven bits a byte, the lowest first. */
function varint(content: number): Buffer {
  const bytes: number[] = [];
  let rest = content;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
