/** Small files that unpack to four gigabytes of zeros. */
import { constants, deflateRawSync } from "node:zlib";

const block = 1 << 20;
const blocks = 4096;

/** A deflate stream that repeats the same independent block. */
function stream(): Uint8Array {
  const one = deflateRawSync(new Uint8Array(block), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([...Array<Uint8Array>(blocks).fill(one), deflateRawSync(new Uint8Array(0))]);
}

export function gzipBomb(): Uint8Array {
  const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255);
  return Buffer.concat([header, stream(), new Uint8Array(8)]);
}

/** A ZIP archive with one member, whose headers state its true size or a small one. */
export function zipBomb(name: string, honest: boolean): Uint8Array {
  const data = stream();
  const size = honest ? (block * blocks) % 2 ** 32 || 0xfffffffe : 1000;
  const both = Buffer.alloc(26);
  both.writeUInt16LE(20, 0);
  both.writeUInt16LE(8, 4);
  both.writeUInt32LE(data.length, 14);
  both.writeUInt32LE(size, 18);
  both.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04"), both, Buffer.from(name)]);
  const central = Buffer.concat([
    Buffer.from("PK\x01\x02\x14\x00"),
    both,
    Buffer.alloc(14),
    Buffer.from(name),
  ]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length + data.length, 16);
  return Buffer.concat([local, data, central, end]);
}
