import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** A grpc-js method over message bytes: encoding stays outside, so that its failures become coded errors. */
export type BytesMethod = MethodDefinition<Buffer, Buffer>;

/** The grpc-js definition of a protobuf-es service. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(service.methods.map((method) => [method.localName, methodDefinition(method)]));
}

/** The grpc-js definition of one method of a protobuf-es service. */
export function methodDefinition(method: DescMethod): BytesMethod {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: unchanged,
    requestDeserialize: unchanged,
    responseSerialize: unchanged,
    responseDeserialize: unchanged,
    originalName: method.localName,
  };
}

const unchanged = (bytes: Buffer) => bytes;
