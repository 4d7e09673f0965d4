import { create } from '@bufbuild/protobuf';
import { ELEMENTS, type ElementType } from './element-type.ts';
import { type ValueInfoProto, ValueInfoProtoSchema } from './gen/onnx_pb.js';

/** A shape whose dimensions are sizes, or names where they vary from run to run. */
export type Shape = readonly (number | string)[];

/** Name, and type and shape where known, of a graph's input or output. */
export function valueInfo(name: string, type?: ElementType, shape?: Shape): ValueInfoProto {
  if (type === undefined || shape === undefined) return create(ValueInfoProtoSchema, { name });
  const dim = shape.map((size) =>
    typeof size === 'number'
      ? ({ value: { case: 'dimValue', value: BigInt(size) } } as const)
      : ({ value: { case: 'dimParam', value: size } } as const),
  );
  const tensorType = { elemType: ELEMENTS[type].onnx, shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: tensorType } } });
}
