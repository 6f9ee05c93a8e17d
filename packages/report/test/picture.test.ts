import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { picture, pictureSide, signalPicture } from "../src/index.js";

function decoded(uri: string) {
  expect(uri).toMatch(/^data:image\/png;base64,/);
  return decode(Buffer.from(uri.slice(uri.indexOf(",") + 1), "base64"));
}

describe("picture", () => {
  it("keeps the pixels of a small image", () => {
    const { width, height, channels, data } = decoded(
      picture({ values: [0, 1, 0.5, 2, -1, 0.25], shape: [2, 3] }),
    );
    expect({ width, height, channels }).toEqual({ width: 3, height: 2, channels: 1 });
    expect([...data]).toEqual([0, 255, 128, 255, 0, 64]);
  });

  it("reads colours and other ranges", () => {
    const { channels, data } = decoded(
      picture({ values: [255, 0, 51, 0, 255, 102], shape: [1, 2, 3], range: [0, 255] }),
    );
    expect(channels).toBe(3);
    expect([...data]).toEqual([255, 0, 51, 0, 255, 102]);
  });

  it("makes large images smaller by means of their pixels", () => {
    const values = Float32Array.from({ length: 200 * 256 }, (_, i) => (i % 2 === 0 ? 1 : 0));
    const { width, height, data } = decoded(picture({ values, shape: [200, 256, 1] }));
    expect({ width, height }).toEqual({ width: 128, height: 100 });
    expect(new Set(data)).toEqual(new Set([128]));
  });

  it("makes many pictures smaller than a few", () => {
    expect(pictureSide(10, 3)).toBe(128);
    expect(pictureSide(1000, 3)).toBe(97);
    expect(pictureSide(1e6, 3)).toBe(32);
    const values = new Float32Array(200 * 256);
    const { width } = decoded(picture({ values, shape: [200, 256], longestSide: pictureSide(1e6, 1) }));
    expect(width).toBe(32);
  });

  it("refuses what is no image", () => {
    for (const shape of [[4], [2, 2, 2], [1, 1, 1, 4]]) {
      expect(() => picture({ values: [0, 0, 0, 0], shape })).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    }
  });
});

describe("signalPicture", () => {
  it("draws a line, with gaps where there is no number", () => {
    const svg = Buffer.from(signalPicture([0, 1, Number.NaN, 1, 0]).split(",")[1]!, "base64").toString();
    expect(svg).toContain('d="M3,61L33.5,3M94.5,3L125,61"');
  });
});
