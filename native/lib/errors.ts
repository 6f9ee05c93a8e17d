/** Errors with the shape and codes of the addon's own errors. */

/** An Error with a `code`: *Expected X for NAME but received Y*. */
export function expected(code: string, expectation: string, name: string, received: unknown): Error {
  const message = `Expected ${expectation} for ${name} but received ${describe(received)}`;
  return Object.assign(new Error(message), { code });
}

function describe(value: unknown): string {
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "function" ? "a function" : String(value).slice(0, 300);
}
