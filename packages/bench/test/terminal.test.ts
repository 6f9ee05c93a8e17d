import { expect, it } from "vitest";
import { durationText } from "../src/program/terminal.js";

it.each([
  [undefined, "-"],
  [Infinity, "-"],
  [0.2, "0s"],
  [59.6, "1m00s"],
  [200, "3m20s"],
  [7500, "2h05m"],
  [273600, "3d04h"],
])("durationText(%s) is %s", (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
