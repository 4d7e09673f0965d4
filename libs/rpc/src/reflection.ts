import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Server, ServiceDefinition } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { service as healthService } from 'grpc-health-check';

/** Adds `grpc.reflection.v1` (and `v1alpha`) to a server: its services, described by their own files. */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const files = new Map<string, Buffer>();
  for (const service of services) collectFiles(service.file, files);
  const fileDescriptorProtos = [...files.values(), ...descriptorsOf(healthService)];
  new ReflectionService({
    files: { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos },
  }).addToServer(server);
}

/** A file's descriptor and those of everything it imports, by name. */
function collectFiles(file: DescFile, files: Map<string, Buffer>): void {
  if (files.has(file.name)) return;
  files.set(file.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
  for (const dependency of file.dependencies) collectFiles(dependency, files);
}

/** The descriptors that @grpc/proto-loader left on a service's request types. */
function descriptorsOf(definition: ServiceDefinition): Buffer[] {
  return Object.values(definition).flatMap((method) => {
    const { requestType } = method as { requestType?: { fileDescriptorProtos?: Buffer[] } };
    return requestType?.fileDescriptorProtos ?? [];
  });
}
