import { createHash } from 'node:crypto';
import { DataType, type ImageEmbedding, type Tensor } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { Model } from '@diptych/models';
import { checkLayout, type WireLayout } from './check-layout.ts';

/** SHA-256. */
const DIGEST_BYTES = 32;

/** An embedding that was held against the model; the values are still on the wire's bytes. */
export interface CheckedEmbedding {
  readonly layout: WireLayout;
  readonly rows: number;
  readonly type: DataType.FLOAT16 | DataType.FLOAT32;
  /** Elements, little-endian. */
  readonly data: Uint8Array;
  /**
   * Identity of the rows for prefix caches. Worked out from the rows: the sender's digest is only its word, and a
   * wrong one would let a caller put other rows in the place of somebody's image.
   */
  readonly identity: string;
}

/** What embeddings are held against. */
export type EmbeddingModel = Pick<Model, 'fingerprint' | 'vision'>;

/**
 * Checks everything about an embedding but whether its values are finite, which `copyValues` does.
 *
 * @param path where it stands in the request, for error messages
 * @throws DiptychError `embedding_model_mismatch` or `embedding_invalid`, naming the field
 */
export function checkEmbedding(
  embedding: ImageEmbedding,
  model: EmbeddingModel,
  path: string,
): CheckedEmbedding {
  const { digest, modelFingerprint, layout, features } = embedding;
  checkFingerprint(modelFingerprint, model.fingerprint, `${path}.model_fingerprint`);
  if (digest.byteLength !== DIGEST_BYTES) {
    throw invalid(`${path}.digest`, `must have ${DIGEST_BYTES} bytes, got ${digest.byteLength}`);
  }
  if (layout === undefined) throw invalid(`${path}.layout`, 'is missing');
  if (features === undefined) throw invalid(`${path}.features`, 'is missing');
  checkLayout(layout, model.vision, `${path}.layout`);
  const rows = layout.tileTokens.reduce((sum, tokens) => sum + tokens, 0);
  const type = checkTensor(features, [rows, model.vision.hiddenSize], `${path}.features`);
  return { layout, rows, type, data: features.data, identity: identityOf(type, features.data) };
}

function checkFingerprint(got: string, expected: string, param: string): void {
  if (got === expected) return;
  throw new DiptychError(
    'embedding_model_mismatch',
    `${param} is "${got.slice(0, 64)}", but this server decodes with "${expected}"; run both stages on the same checkpoint.`,
    { param },
  );
}

function checkTensor(
  tensor: Tensor,
  shape: readonly [number, number],
  path: string,
): CheckedEmbedding['type'] {
  if (tensor.shape.length !== 2 || tensor.shape.some((extent, axis) => extent !== shape[axis])) {
    throw invalid(
      `${path}.shape`,
      `must be [${shape.join(', ')}], the rows of the layout by the hidden size, got [${tensor.shape.slice(0, 8).join(', ')}]`,
    );
  }
  const { type, bytes } = elementOf(tensor.dataType, `${path}.data_type`);
  const expected = shape[0] * shape[1] * bytes;
  if (tensor.data.byteLength === expected) return type;
  throw invalid(
    `${path}.data`,
    `must have ${expected} bytes for its shape and type, got ${tensor.data.byteLength}`,
  );
}

function elementOf(type: DataType, param: string): { type: CheckedEmbedding['type']; bytes: number } {
  switch (type) {
    case DataType.FLOAT16:
      return { type, bytes: 2 };
    case DataType.FLOAT32:
      return { type, bytes: 4 };
    default:
      throw invalid(param, `must be FLOAT16 or FLOAT32, got ${String(type)}`);
  }
}

function identityOf(type: DataType, data: Uint8Array): string {
  return createHash('sha256').update(`${type} `).update(data).digest('hex');
}

function invalid(param: string, problem: string): DiptychError {
  return new DiptychError('embedding_invalid', `${param} ${problem}.`, { param });
}
