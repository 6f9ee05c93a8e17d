import { LilawError } from "@lilaw/core";
import { expect, it } from "vitest";
import { errorInFlags, inFlags } from "../src/flags.js";

it("calls the options of loadFiles as the command line does, and leaves words alone", () => {
  expect(inFlags("named by labelColumn")).toBe("named by --label-column");
  expect(inFlags("at most 5 bytes (option maxBytes raises it)")).toBe(
    "at most 5 bytes (--max-unpacked raises it)",
  );
  expect(inFlags("option missing or option dropColumns")).toBe("--missing or --drop-column");
  expect(inFlags("by the option labelColumn, by the option labels")).toBe("by --label-column, by --labels");
  expect(inFlags("a missing cell, two labels")).toBe("a missing cell, two labels");
});

it("keeps an error's code, and every other error", () => {
  const error = errorInFlags(new LilawError("CORRUPT_FILE", "see option imageLayout"));
  expect(error).toMatchObject({ name: "LilawError", code: "CORRUPT_FILE", message: "see --image-layout" });
  const other = new Error("option labels");
  expect(errorInFlags(other)).toBe(other);
});
