/** The values that options take: how each kind is typed, and which values it allows. */
import { resolve } from "node:path";
import { type ErrorCode, expected } from "@lilaw/core";
import * as v from "valibot";

/** A kind of value. */
export interface Kind<T> {
  /** The value that a text stands for. Text that cannot be read stays text, for `schema` to refuse. */
  readonly parse: (text: string) => unknown;
  /** Allows values, whether typed or read from `config.json`. Its messages say what is expected. */
  readonly schema: v.GenericSchema<unknown, T>;
  /** Code of the error for other values; default `INVALID_ARGUMENT`. */
  readonly code?: ErrorCode;
  /** Whether the option may be given several times; `parse` then gets each text. */
  readonly repeatable?: true;
}

/** @throws the kind's code, with the name of the option */
export function check<T>({ schema, code }: Kind<T>, value: unknown, flag: string): T {
  const { success, output, issues } = v.safeParse(schema, value, { abortEarly: true });
  if (success) return output;
  const [{ message, input }] = issues;
  // A list as a whole is no name that might be unknown.
  if (Array.isArray(input)) throw expected("INVALID_ARGUMENT", message, flag, input.join(","));
  throw expected(code ?? "INVALID_ARGUMENT", message, flag, input);
}

const asTyped = (text: string): unknown => text;

const someText = v.pipe(v.string("some text"), v.minLength(1, "some text"));

export const text: Kind<string> = { parse: asTyped, schema: someText };

/** A path, kept absolute: a run may be resumed from another folder. */
export const path: Kind<string> = { parse: resolvePath, schema: someText };

export const toggle: Kind<boolean> = { parse: asTyped, schema: v.boolean("true or false") };

/** One of some words. */
export function oneOf<const T extends string>(words: readonly T[], code?: ErrorCode): Kind<T> {
  const schema = v.picklist(words, `one of ${words.join(", ")}`);
  return { parse: asTyped, schema, ...(code && { code }) };
}

/** The name of something that there is; `aliases` are other names for it. */
export function nameOf(
  names: readonly string[],
  aliases: ReadonlyMap<string, string> = new Map(),
): Kind<string> {
  return { ...oneOf(names, "UNKNOWN_NAME"), parse: (text) => aliases.get(text) ?? text };
}

/** A name, or the path of a file that `isFile` recognises. */
export function nameOrFile(names: readonly string[], isFile: (value: unknown) => boolean): Kind<string> {
  const message = `one of ${names.join(", ")}`;
  const allows = (value: unknown) => isFile(value) || names.includes(value as string);
  return {
    parse: (text) => (isFile(text) ? resolvePath(text) : text),
    schema: v.custom<string>(allows, message),
    code: "UNKNOWN_NAME",
  };
}

/** Text in a notation of its own; `read` throws the error for other text. */
export function notation(read: (text: string) => unknown): Kind<string> {
  const isReadable = (text: string) => {
    read(text);
    return true;
  };
  return { parse: asTyped, schema: v.pipe(someText, v.check(isReadable)) };
}

export function integer(least: number): Kind<number> {
  const message = `an integer of at least ${least}`;
  const schema = v.pipe(v.number(message), v.safeInteger(message), v.minValue(least, message));
  return { parse: parseNumber, schema };
}

const positive = v.pipe(
  v.number("a number above 0"),
  v.finite("a number above 0"),
  v.gtValue(0, "a number above 0"),
);

export const positiveNumber: Kind<number> = { parse: parseNumber, schema: positive };

/** The size of a part of the samples: below 1 a fraction of them, else a count. */
export const partSize: Kind<number> = {
  parse: parseNumber,
  schema: v.pipe(
    positive,
    v.check((size) => size <= 1 || Number.isInteger(size), "a fraction below 1 or a whole number"),
  ),
};

const pixels = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(65_535));

/** Height and width of an image, typed with an x between them. */
export const size: Kind<[number, number]> = {
  parse(text) {
    const [, height, width] = /^(\d+)x(\d+)$/i.exec(text) ?? [];
    return height === undefined ? text : [Number(height), Number(width)];
  },
  schema: v.custom<[number, number]>(
    (value) => v.is(v.strictTuple([pixels, pixels]), value),
    "height x width in pixels, such as 28x28",
  ),
};

/** A number of bytes, typed with or without a unit. */
export const byteCount: Kind<number> = {
  parse: parseBytes,
  schema: v.pipe(
    v.number("a size such as 500MB or 4GB"),
    v.safeInteger("a size such as 500MB or 4GB"),
    v.minValue(1, "a size such as 500MB or 4GB"),
  ),
};

/** Different values, typed with commas between them. */
export function listOf<T>({ parse, schema, code }: Kind<T>): Kind<readonly T[]> {
  const entries = (text: string) => text.split(",").map((entry) => entry.trim());
  return {
    parse: (text) =>
      entries(text)
        .filter((entry) => entry !== "")
        .map(parse),
    schema: distinct(schema),
    ...(code && { code }),
  };
}

/** Different values, each typed with an option of its own. */
export function each<T>({ parse, schema }: Kind<T>): Kind<readonly T[]> {
  return { parse, schema: distinct(schema), repeatable: true };
}

function distinct<T>(schema: v.GenericSchema<unknown, T>): v.GenericSchema<unknown, readonly T[]> {
  const message = "one or more different entries";
  const areDistinct = (values: unknown[]) => new Set(values).size === values.length;
  return v.pipe(
    v.array(v.unknown(), message),
    v.minLength(1, message),
    v.check(areDistinct, message),
    v.array(schema),
  );
}

function resolvePath(text: string): string {
  return text === "" ? text : resolve(text);
}

function parseNumber(text: string): unknown {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text : value;
}

/** 4GB as 4e9, 4GiB as 2 ** 32, bytes without a unit. */
function parseBytes(text: string): unknown {
  const [, count, unit, binary] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(i?)b?$/i.exec(text) ?? [];
  if (count === undefined || unit === undefined) return text;
  const exponent = ["", "k", "m", "g", "t"].indexOf(unit.toLowerCase());
  return Math.round(Number(count) * (binary ? 1024 : 1000) ** exponent);
}
