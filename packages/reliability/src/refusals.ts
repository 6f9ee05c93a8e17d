/** The one way in which anything may be refused: a LilawError with a known code and a message in one shape. */
import { type ErrorCode, LilawError } from "@lilaw/core";
import { FaultFound } from "./kind.js";

/** All codes: the compiler asks for those that are missing. */
const codes: Record<ErrorCode, true> = {
  INVALID_ARGUMENT: true,
  LENGTH_MISMATCH: true,
  LABEL_OUT_OF_RANGE: true,
  NON_FINITE: true,
  UNKNOWN_NAME: true,
  BACKEND_UNAVAILABLE: true,
  EMPTY_CLASS: true,
  MODEL_OUTPUT: true,
  CHECKSUM_MISMATCH: true,
  CORRUPT_FILE: true,
  SOURCE_UNAVAILABLE: true,
  NOT_WRITABLE: true,
  INCOMPATIBLE_STATE: true,
  DISPOSED: true,
  OUT_OF_MEMORY: true,
  UNSUPPORTED: true,
  CUDA_UNAVAILABLE: true,
  CUDA_ERROR: true,
};

/** No value that somebody passed in makes a message longer. */
const longestMessage = 4000;

/** Who throws: @lilaw/native imports nothing of core, and its errors are Errors with a code. */
export type Thrower = "ours" | "native";

/** @throws FaultFound for any other error than a refusal */
export function checkRefusal(error: unknown, thrower: Thrower = "ours"): void {
  if (!(error instanceof Error)) throw new FaultFound("rawErrors", `thrown: ${typeof error}`);
  const { code } = error as { code?: unknown };
  const known = typeof code === "string" && Object.hasOwn(codes, code);
  if (!known || !(thrower === "native" || error instanceof LilawError)) {
    const place = error.stack
      ?.split("\n")
      .slice(1, 4)
      .map((line) => line.trim())
      .join(" ");
    throw new FaultFound("rawErrors", `${error.name} ${code ?? ""}: ${error.message.slice(0, 300)} ${place}`);
  }
  if (!error.message.startsWith("Expected ")) {
    throw new FaultFound("rawErrors", `a message in another shape: ${error.message.slice(0, 300)}`);
  }
  if (error.message.length > longestMessage) {
    throw new FaultFound("rawErrors", `a message of ${error.message.length} characters`);
  }
}
