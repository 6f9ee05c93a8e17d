/** The form of every refusal: a LilawError with a known code and a message of the usual form. */
import { type ErrorCode, LilawError } from "@lilaw/core";
import { FaultFound } from "./kind.js";

/** All codes; the compiler reports those that are missing. */
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

/** A message stays short, whatever value was passed. */
const longestMessage = 4000;

/** The package that throws: @lilaw/native does not import core, and throws Errors with a code. */
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
