/**
 * The kind of an error, for programs. Every error that this project throws on purpose has one.
 *
 * - `INVALID_ARGUMENT`: a value of the wrong type, shape or range
 * - `LENGTH_MISMATCH`: two arrays that must agree in length do not
 * - `LABEL_OUT_OF_RANGE`: a label that is not a class index
 * - `NON_FINITE`: a NaN or infinity where a finite number is needed
 * - `UNKNOWN_NAME`: a dataset, method, model, noise or backend that does not exist
 * - `BACKEND_UNAVAILABLE`: an explicitly chosen backend that cannot run here
 * - `EMPTY_CLASS`: a stratified split of data in which a class has too few samples
 * - `MODEL_OUTPUT`: a model whose output cannot be read as logits of the given classes
 * - `CHECKSUM_MISMATCH`: a file whose bytes are not the pinned ones
 * - `CORRUPT_FILE`: a file that cannot be parsed, or whose own checksum does not hold
 * - `SOURCE_UNAVAILABLE`: no source of a dataset answered
 * - `NOT_WRITABLE`: a folder or file that cannot be written
 * - `INCOMPATIBLE_STATE`: a saved state that does not belong to this configuration
 * - `DISPOSED`: an array, a stream or a graph of the device, a tensor or a model that has been disposed
 * - `OUT_OF_MEMORY`: more memory than there is
 * - `UNSUPPORTED`: a combination that the native kernels cannot compute
 * - `CUDA_UNAVAILABLE`, `CUDA_ERROR`: CUDA is not available, or a call of it failed
 */
export type ErrorCode = (typeof errorCodes)[number];

export const errorCodes = [
  "INVALID_ARGUMENT",
  "LENGTH_MISMATCH",
  "LABEL_OUT_OF_RANGE",
  "NON_FINITE",
  "UNKNOWN_NAME",
  "BACKEND_UNAVAILABLE",
  "EMPTY_CLASS",
  "MODEL_OUTPUT",
  "CHECKSUM_MISMATCH",
  "CORRUPT_FILE",
  "SOURCE_UNAVAILABLE",
  "NOT_WRITABLE",
  "INCOMPATIBLE_STATE",
  "DISPOSED",
  "OUT_OF_MEMORY",
  "UNSUPPORTED",
  "CUDA_UNAVAILABLE",
  "CUDA_ERROR",
] as const;

/** The error class of the whole project: `code` is for programs, `message` for people. */
export class LilawError extends Error {
  override readonly name: string = "LilawError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(shortened(message, mostOfAll), options);
    this.code = code;
  }
}

/** Thrown when an explicitly chosen backend cannot run; the message names the reason and the remedy. */
export class BackendUnavailableError extends LilawError {
  override readonly name = "BackendUnavailableError";

  constructor(message: string, options?: ErrorOptions) {
    super("BACKEND_UNAVAILABLE", message, options);
  }
}

/**
 * An error with the message of all bad input: *Expected X for NAME but received Y*.
 *
 * @example throw expected("INVALID_ARGUMENT", "an integer of at least 1", "classes", classes);
 */
export function expected(code: ErrorCode, expectation: string, name: string, received: unknown): LilawError {
  return new LilawError(code, `Expected ${expectation} for ${name} but received ${describe(received)}`);
}

/** Largest number of characters of a value in a message. */
const most = 300;
/** Largest number of characters of a whole message: names and texts from files may be of any length. */
const mostOfAll = 3000;

/** A readable description of a value. Never throws, even though getters and proxies may. */
function describe(value: unknown): string {
  try {
    return describePlain(value);
  } catch {
    return typeof value === "function" ? "a function" : "an object that cannot be read";
  }
}

function describePlain(value: unknown): string {
  if (typeof value === "string")
    return shortened(JSON.stringify(value.slice(0, most + 1)), most, value.length);
  if (typeof value === "bigint") return shortened(`${value}n`);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return shortened(String(value));
  if (ArrayBuffer.isView(value)) {
    return `${nameOf(value)} of length ${"length" in value ? value.length : value.byteLength}`;
  }
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  const type = nameOf(value);
  if (type !== "Object") return `an object of type ${type}`;
  return shortened(JSON.stringify(value, withoutNumbers) ?? "an object");
}

/** The name of its class. */
function nameOf(value: object): string {
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? shortened(name) : "Object";
}

/** Replaces big integers, which JSON lacks, and typed arrays, of which JSON would write every number. */
const withoutNumbers = (_: string, value: unknown): unknown =>
  typeof value === "bigint" || ArrayBuffer.isView(value) ? describePlain(value) : value;

function shortened(text: string, limit = most, length = text.length): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${length} characters)`;
}
