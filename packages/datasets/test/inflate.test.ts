import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { atMost, collect, inflate } from "../src/files/inflate.js";

const tooMany = () => new Error("too many");
const random = Uint8Array.from({ length: 300_000 }, (_, i) => Math.imul(i, 2654435761) >>> 13);

/** Yields pieces of 1,000 bytes; counts how many were requested, and notes whether it was closed. */
function source(bytes: Uint8Array) {
  const state = { given: 0, closed: false };
  async function* chunks() {
    try {
      for (let at = 0; at < bytes.length; at += 1000) {
        state.given += 1;
        yield bytes.subarray(at, at + 1000);
      }
    } finally {
      state.closed = true;
    }
  }
  return { state, chunks: chunks() };
}

describe("unpacking", () => {
  it("gives the bytes back, from pieces of any size", async () => {
    const packed = gzipSync(random);
    for (const chunks of [[packed], source(packed).chunks]) {
      const whole = await collect(atMost(inflate(chunks), random.length, tooMany));
      expect(Buffer.compare(whole, random)).toBe(0);
      expect(whole.byteOffset).toBe(0);
    }
  });

  it("refuses the first byte beyond the limit, and passes none of that piece on", async () => {
    const passed: Uint8Array[] = [];
    const reading = async () => {
      for await (const chunk of atMost(source(random).chunks, 2500, tooMany)) passed.push(chunk);
    };
    await expect(reading()).rejects.toThrow("too many");
    expect(passed.map(({ length }) => length)).toEqual([1000, 1000]);
  });

  it("stops early: of a gigabyte packed into one megabyte little more than the limit is unpacked", async () => {
    const megabyte = gzipSync(new Uint8Array(1 << 20));
    // Members of gzip files follow one another.
    const packed = new Uint8Array(1024 * megabyte.length);
    for (let member = 0; member < 1024; member++) packed.set(megabyte, member * megabyte.length);
    const { state, chunks } = source(packed);
    await expect(collect(atMost(inflate(chunks), 3 << 20, tooMany))).rejects.toThrow("too many");
    expect(state.given * 1000).toBeLessThan(100 * megabyte.length);
    await expect.poll(() => state.closed).toBe(true);
  });

  it.each([
    ["bytes that are not gzip", random],
    ["a file that ends early", gzipSync(random).subarray(0, 5000)],
  ])("refuses %s", async (_, bytes) => {
    await expect(collect(inflate([bytes]))).rejects.toThrow(/incorrect header|unexpected end/);
  });

  it("hands on the error of its source", async () => {
    async function* failing() {
      yield gzipSync(random).subarray(0, 1000);
      throw new Error("the disk is gone");
    }
    await expect(collect(inflate(failing()))).rejects.toThrow("the disk is gone");
  });
});
