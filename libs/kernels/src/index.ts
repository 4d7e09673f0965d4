export { hasCachedAttention } from './attention-sizes.ts';
export { cachedAttentionName } from './cached-attention.ts';
export { OPERATOR_DOMAIN } from './operator-code.ts';
export { operatorsFor } from './operators.ts';
export { hasRotatedBytes, type RotatedBytesOptions, rotatedBytesName } from './rotated-bytes.ts';
export { type Gate, hasScaledRows, type ScaledRowsOptions, scaledRowsName } from './scaled-rows.ts';
export { hasTileAttention, tileAttentionName } from './tile-attention/tile-attention.ts';
