import type { Dtype } from '../dtype.ts';

/** A tensor to write: its bytes are taken as they are. */
export interface WrittenTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The bytes of a safetensors file with these tensors, in their order. */
export function safetensors(tensors: Readonly<Record<string, WrittenTensor>>): Uint8Array {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const data = Object.values(tensors).map(({ bytes }) => bytes);
  return withHeader(
    JSON.stringify(Object.fromEntries([['__metadata__', { format: 'pt' }], ...entries])),
    data,
  );
}

/** A header of any content, the length before it and data behind it. */
export function withHeader(header: string, data: readonly Uint8Array[] = []): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return Buffer.concat([length, text, ...data]);
}

/** A float32 tensor. */
export function float32(shape: readonly number[], values: readonly number[]): WrittenTensor {
  return { dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}
