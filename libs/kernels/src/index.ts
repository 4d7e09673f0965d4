export { OPERATOR_DOMAIN } from './operator-code.ts';
export { operatorsFor } from './operators.ts';
export { hasRotatedBytes, type RotatedBytesOptions, rotatedBytesName } from './rotated-bytes.ts';
