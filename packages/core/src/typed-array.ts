/**
 * Properties of typed arrays as the JavaScript engine stores them. A subclass, an own property or another prototype may
 * make an array report other values; these functions read the internal ones, as native code does.
 */
const prototype: object = Object.getPrototypeOf(Float32Array.prototype);
const getterOf = (name: string | symbol) => Object.getOwnPropertyDescriptor(prototype, name)!.get!;
const type = getterOf(Symbol.toStringTag);
const length = getterOf("length");
const buffer = getterOf("buffer");
const byteOffset = getterOf("byteOffset");
const byteLength = getterOf("byteLength");

/** The name of its class, such as `"Float32Array"`; undefined for anything but a typed array. */
export const typeOf = (value: unknown): string | undefined => type.call(value);

export const lengthOf = (array: ArrayBufferView): number => length.call(array);

export const bufferOf = (array: ArrayBufferView): ArrayBufferLike => buffer.call(array);

export const byteOffsetOf = (array: ArrayBufferView): number => byteOffset.call(array);

export const byteLengthOf = (array: ArrayBufferView): number => byteLength.call(array);
