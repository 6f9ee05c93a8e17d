import { dump } from "npyjs";
import { describe, expect, it } from "vitest";
import { Blocks } from "../src/files/elements.js";
import { parseNpyHeader } from "../src/files/npy.js";

function npy(header: string, version = [1, 0], magic = "\x93NUMPY"): Uint8Array {
  const size = version[0] === 1 ? 2 : 4;
  const length = Buffer.alloc(size);
  length.writeUIntLE(header.length, 0, size);
  return Buffer.concat([
    Buffer.from(magic, "latin1"),
    Buffer.from(version),
    length,
    Buffer.from(header, "latin1"),
  ]);
}

const fields = (descr: string, order = "False", shape = "(3, 4)") =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe("the header of an NPY array", () => {
  it.each([
    ["NumPy's own", `${fields("'<f4'")}      \n`, [1, 0], [3, 4], 4],
    [
      "another order, other quotes, no last comma",
      `{"shape":(5,),"descr":'|u1',"fortran_order":False}`,
      [1, 0],
      [5],
      1,
    ],
    ["an empty shape", fields("'<i8'", "False", "()"), [1, 0], [], 8],
    ["version 2", fields("'>f8'"), [2, 0], [3, 4], 8],
    ["version 3, text", fields("'<U7'"), [3, 0], [3, 4], 28],
    ["bytes of text", fields("'|S5'"), [1, 0], [3, 4], 5],
    ["one axis in Fortran's order", fields("'|b1'", "True", "(3,)"), [1, 0], [3], 1],
  ])("is read with %s", (_, header, version, shape, size) => {
    const bytes = npy(header, version);
    expect(parseNpyHeader("a", bytes)).toMatchObject({ shape, type: { size }, length: bytes.length });
    for (let end = 0; end < bytes.length; end++) {
      expect(parseNpyHeader("a", bytes.subarray(0, end))).toBeUndefined();
    }
  });

  it.each([
    ["a shape with a fraction", fields("'<f4'", "False", "(12, 0.5, 32)")],
    ["a shape with a negative axis", fields("'<f4'", "False", "(-1,)")],
    ["a shape that is no tuple", fields("'<f4'", "False", "(3)")],
    ["a shape that is a list", fields("'<f4'", "False", "[3]")],
    ["a shape of letters", fields("'<f4'", "False", "(True,)")],
    ["a shape with an empty place", fields("'<f4'", "False", "(3,,4)")],
    ["a shape beyond integers", fields("'<f4'", "False", "(99999999999999999999,)")],
    ["no order", "{'descr': '<f4', 'shape': (3,), }"],
    ["a garbled order", fields("'<f4'", "Fals")],
    ["an order that is a number", fields("'<f4'", "0")],
    ["an order in quotes", fields("'<f4'", "'False'")],
    ["no shape", "{'descr': '<f4', 'fortran_order': False, }"],
    ["no descr", "{'fortran_order': False, 'shape': (3,), }"],
    ["a further key", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 'y'}"],
    ["a key twice", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"],
    ["text after it", `${fields("'<f4'")}x`],
    ["no end", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)"],
    ["a descr without byte order", fields("'f4'")],
    ["a descr whose byte order is none", fields("'|f4'")],
    ["a descr of no such size", fields("'<f3'")],
    ["a descr of long doubles", fields("'<f16'")],
    ["complex numbers", fields("'<c8'")],
    ["dates", fields("'<M8[ns]'")],
    ["records", fields("[('a', '<f4')]")],
    ["objects", fields("'|O'")],
    ["Fortran's order", fields("'<f4'", "True")],
    ["a name of Object", fields("'<constructor'")],
  ])("is refused with %s", (_, header) => {
    expect(() => parseNpyHeader("a", npy(header))).toThrow(expect.objectContaining({ code: "CORRUPT_FILE" }));
  });

  it.each([[[0, 0]], [[4, 0]], [[9, 0]], [[1, 1]]])("is refused in version %s", (version) => {
    const bytes = npy(fields("'<f4'"), version);
    expect(() => parseNpyHeader("a", bytes)).toThrow(expect.objectContaining({ code: "CORRUPT_FILE" }));
  });

  it("is refused with other magic, and longer than NumPy reads", () => {
    for (const bytes of [npy(fields("'<f4'"), [1, 0], "\x93NUMPX"), npy(fields("'<f4'").padEnd(10_001))]) {
      expect(() => parseNpyHeader("a", bytes)).toThrow(expect.objectContaining({ code: "CORRUPT_FILE" }));
    }
  });
});

describe("elements", () => {
  const values = {
    "<f2": [new Uint16Array([0x3c00, 0xc000, 0x3555, 1, 0x7bff]), [1, -2, 0.333251953125, 2 ** -24, 65504]],
    "<u2": [new Uint16Array([1, 65535]), [1, 65535]],
    "<i8": [new BigInt64Array([-1n, 2n ** 53n + 1n]), [-1, 2 ** 53]],
    "<u8": [new BigUint64Array([2n ** 64n - 1n]), [2 ** 64]],
    "<f8": [new Float64Array([0.1, -1e300]), [0.1, -1e300]],
    "|b1": [new Uint8Array([0, 1, 2]), [0, 1, 1]],
    "|i1": [new Int8Array([-128, 127]), [-128, 127]],
  } as const;

  it.each(Object.entries(values))(
    "of %s are read in both byte orders, wherever chunks end",
    (descr, [array, wanted]) => {
      const bytes = Buffer.from(array.buffer);
      const turned = Buffer.from(bytes);
      if (array.BYTES_PER_ELEMENT === 2) turned.swap16();
      if (array.BYTES_PER_ELEMENT === 8) turned.swap64();
      const cases = descr.startsWith("<")
        ? ([
            [descr, bytes],
            [descr.replace("<", ">"), turned],
          ] as const)
        : ([[descr, bytes]] as const);
      for (const [code, content] of cases) {
        const { type } = parseNpyHeader("a", npy(fields(`'${code}'`)))!;
        for (const size of [1, 3, 100]) {
          const found: number[] = [];
          const blocks = new Blocks(type.size, (block) => found.push(...Array.from(type.numbers!(block))));
          for (let start = 0; start < content.length; start += size)
            blocks.add(content.subarray(start, start + size));
          expect(blocks.end()).toBe(0);
          expect(found).toEqual(wanted);
        }
      }
    },
  );

  it("of text lose their padding only", () => {
    const { type } = parseNpyHeader("a", npy(fields("'<U3'")))!;
    const block = new Uint8Array(new Uint32Array([0x1f600, 0x61, 0, 0x20, 0, 0x62]).buffer);
    expect(type.texts!(block)).toEqual(["😀a", " \0b"]);
  });

  it("are what npyjs writes", () => {
    const bytes = new Uint8Array(dump(Float32Array.of(1, 2, 3, 4), [2, 2]));
    const { length, shape } = parseNpyHeader("a", bytes)!;
    expect([bytes.length - length, shape]).toEqual([16, [2, 2]]);
  });
});
