import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { DiptychError } from '@diptych/errors';

/** The bytes of a message. Throws `request_too_large` where they exceed `maxBytes`. */
export function encodeMessage<Desc extends DescMessage>(
  schema: Desc,
  message: MessageInitShape<Desc>,
  maxBytes: number,
): Buffer {
  const bytes = toBinary(schema, create(schema, message));
  if (bytes.byteLength > maxBytes) {
    throw new DiptychError(
      'request_too_large',
      `A ${schema.name} of ${bytes.byteLength} bytes is more than the ${maxBytes} bytes that a message may have; send fewer or smaller images.`,
    );
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The message in `bytes`; its `bytes` fields are views of them. Throws `malformed_request`. */
export function decodeMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new DiptychError('malformed_request', `These bytes are not a ${schema.typeName}.`, { cause });
  }
}
