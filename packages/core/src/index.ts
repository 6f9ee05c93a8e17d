export { BackendUnavailableError, type ErrorCode, expected, LilawError } from "./errors.js";
export { Random, type RandomState } from "./random.js";
