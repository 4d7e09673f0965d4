import assert from 'node:assert/strict';
import type { Operator } from '@diptych/onnxruntime';
import { cachedAttention, cachedAttentionSizes } from './cached-attention.ts';
import { makeOperator, type OperatorCode } from './operator-code.ts';
import { AMX, AVX512, type ProcessorFlag, processorHas } from './processor.ts';
import { rotatedBytes } from './rotated-bytes.ts';
import { scaledRows, scaledRowsOptions } from './scaled-rows.ts';
import { tileAttention, tileAttentionSizes } from './tile-attention/tile-attention.ts';

/** A kind of operator: its code by the sizes in its name, and what that needs of a processor. */
interface Kind {
  readonly needs: readonly ProcessorFlag[];
  readonly code: (...sizes: number[]) => OperatorCode;
}

const KINDS: Readonly<Record<string, Kind>> = {
  RotatedBytes: { needs: AVX512, code: (columns = 0, block = 0) => rotatedBytes({ columns, block }) },
  CachedAttention: {
    needs: AMX,
    code: (...sizes) => cachedAttention(cachedAttentionSizes(sizes), { tiles: true }),
  },
  TileAttention: { needs: AMX, code: (...sizes) => tileAttention(tileAttentionSizes(sizes)) },
  ScaledRows: {
    needs: AVX512,
    code: (columns = 0, bias = 0, gate = 0) => scaledRows(scaledRowsOptions(columns, bias, gate)),
  },
};

const made = new Map<string, Operator>();

/**
 * The operators of these names that there is code for on this processor, made on first use and kept for the life of
 * the process. A session that is not given the others runs them as the graph defines them.
 */
export function operatorsFor(names: readonly string[]): Operator[] {
  return names.flatMap((name) => {
    const [kind = '', ...sizes] = name.split('_');
    const { needs, code } = KINDS[kind] ?? {};
    if (needs === undefined || code === undefined || !processorHas(needs)) return [];
    const operator = made.get(name) ?? makeOperator(code(...sizes.map(Number)));
    assert.equal(operator.name, name);
    made.set(name, operator);
    return [operator];
  });
}
