import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BFLOAT16_BYTES, type RandomWeights } from './random-weights.ts';
import { elementsOf, type TensorShape } from './tensor-list.ts';

/** Largest shard, as transformers writes them. */
const MAX_SHARD_BYTES = 5_000_000_000;

/** Where tensors are written to, and what from. */
export interface WriteShardsOptions {
  readonly folder: string;
  readonly tensors: readonly TensorShape[];
  readonly weights: RandomWeights;
  readonly maxShardBytes?: number;
}

/**
 * Writes tensors as safetensors: one file, or shards with their index. Nothing but the pool of `weights` and one
 * header is in memory; each file is on the disk when this returns, so that writing back does not disturb what is
 * measured next.
 */
export async function writeShards({
  folder,
  tensors,
  weights,
  maxShardBytes = MAX_SHARD_BYTES,
}: WriteShardsOptions): Promise<void> {
  const shards = splitIntoShards(tensors, maxShardBytes);
  const names = shards.map((_, index) => shardName(index, shards.length));
  for (const [index, shard] of shards.entries()) {
    await writeShard(join(folder, names[index] ?? ''), shard, weights);
  }
  if (shards.length === 1) return;
  const owners = shards.flatMap((shard, index) => shard.map(({ name }) => [name, names[index]]));
  const index = {
    metadata: { total_size: bytesOf(tensors) },
    weight_map: Object.fromEntries(owners) as Record<string, string>,
  };
  await writeFile(join(folder, 'model.safetensors.index.json'), `${JSON.stringify(index, undefined, 2)}\n`);
}

/** Bytes that tensors take in bfloat16. */
export function bytesOf(tensors: readonly TensorShape[]): number {
  return tensors.reduce((sum, tensor) => sum + elementsOf(tensor) * BFLOAT16_BYTES, 0);
}

/** In order, each as full as it can be. */
function splitIntoShards(tensors: readonly TensorShape[], maxBytes: number): TensorShape[][] {
  const shards: TensorShape[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const size = bytesOf([tensor]);
    if (bytes > 0 && bytes + size > maxBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)?.push(tensor);
    bytes += size;
  }
  return shards;
}

function shardName(index: number, count: number): string {
  if (count === 1) return 'model.safetensors';
  const number = (value: number) => String(value).padStart(5, '0');
  return `model-${number(index + 1)}-of-${number(count)}.safetensors`;
}

async function writeShard(
  path: string,
  tensors: readonly TensorShape[],
  weights: RandomWeights,
): Promise<void> {
  await using file = await open(path, 'w');
  await file.writeFile(shardBytes(tensors, weights));
  await file.sync();
}

function* shardBytes(tensors: readonly TensorShape[], weights: RandomWeights): Generator<Uint8Array> {
  yield header(tensors);
  for (const tensor of tensors) yield* weights.bytes(tensor);
}

/** Length and JSON of a safetensors header, padded so that the tensors begin at a multiple of eight bytes. */
function header(tensors: readonly TensorShape[]): Uint8Array {
  let end = 0;
  const entries = tensors.map((tensor) => {
    const begin = end;
    end += bytesOf([tensor]);
    return [tensor.name, { dtype: 'BF16', shape: tensor.shape, data_offsets: [begin, end] }];
  });
  const json = JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) });
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}
