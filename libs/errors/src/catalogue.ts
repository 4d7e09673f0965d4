/**
 * The catalogue of errors: every failure that Diptych reports has a row here, and nowhere else.
 *
 * `grpc` is the gRPC status code (https://grpc.io/docs/guides/status-codes/), `http` the HTTP status,
 * `type` the value of `error.type` in OpenAI's error body, `summary` what went wrong in general, `remedy`
 * what the caller can do. The table in docs/errors.md is checked against this one by a test.
 */
export interface CatalogueEntry {
  readonly grpc: GrpcStatus;
  readonly http: number;
  readonly type: 'invalid_request_error' | 'rate_limit_error' | 'server_error';
  readonly summary: string;
  readonly remedy: string;
}

/** The gRPC status codes in use, by name. */
export const GRPC_STATUS = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
} as const;

/** Name of a gRPC status code. */
export type GrpcStatus = keyof typeof GRPC_STATUS;

const request = (
  summary: string,
  remedy: string,
  status: { readonly grpc?: GrpcStatus; readonly http?: number } = {},
) =>
  ({
    grpc: status.grpc ?? 'INVALID_ARGUMENT',
    http: status.http ?? 400,
    type: 'invalid_request_error',
    summary,
    remedy,
  }) as const satisfies CatalogueEntry;

const server = (grpc: GrpcStatus, http: number, summary: string, remedy: string) =>
  ({ grpc, http, type: 'server_error', summary, remedy }) as const satisfies CatalogueEntry;

/** Every code with its statuses and words. */
export const CATALOGUE = {
  // Requests
  malformed_request: request('The request cannot be read.', 'Send the shape that the API reference shows.'),
  invalid_parameter: request(
    'A parameter is missing, of the wrong type or out of range.',
    'Send a value in the range that the message names.',
  ),
  unsupported_parameter: request(
    'A parameter is not supported.',
    'Leave the parameter out; the API reference lists those that are supported.',
  ),
  model_not_found: request('No such model is served here.', 'Use one of the models of GET /v1/models.', {
    grpc: 'NOT_FOUND',
    http: 404,
  }),
  not_found: request(
    'There is nothing at this address.',
    'Check method and path against the API reference.',
    { grpc: 'NOT_FOUND', http: 404 },
  ),
  method_not_allowed: request(
    'There is something at this address, but not for this method.',
    'Use the method that the message names.',
    { grpc: 'UNIMPLEMENTED', http: 405 },
  ),
  request_too_large: request(
    'The request body is larger than this server accepts.',
    'Send fewer or smaller images.',
    { grpc: 'RESOURCE_EXHAUSTED', http: 413 },
  ),
  context_length_exceeded: request(
    'The prompt is longer than the context.',
    'Shorten the conversation, send fewer images, or ask for fewer tokens.',
  ),
  chat_template_missing: request(
    'The checkpoint is a base model without a chat template.',
    'Send a raw prompt to POST /v1/completions, or have the gateway started with --chat-template FILE.',
    { grpc: 'FAILED_PRECONDITION' },
  ),
  template_failed: request(
    "The model's chat template does not accept this conversation.",
    'Follow the order of roles that the message names.',
  ),
  // Images
  image_not_decodable: request(
    'The bytes are not a whole image.',
    'Send a complete JPEG, PNG, WebP or GIF file.',
  ),
  image_format_unsupported: request(
    'The image is of a format that is not accepted.',
    'Send JPEG, PNG, WebP or GIF.',
  ),
  image_too_large: request('The image is larger than this server accepts.', 'Send a smaller image.'),
  image_bad_encoding: request(
    'The image is not valid base64 or not a valid data URI.',
    'Send data:image/png;base64,... with standard base64.',
  ),
  image_fetch_failed: request(
    'The image could not be fetched.',
    'Check that the address answers with an image.',
  ),
  image_url_forbidden: request(
    'The image address is not one that this server may fetch.',
    'Use a public http or https address, or send the image as a data URI.',
  ),
  image_count_mismatch: request(
    'The prompt refers to an image that was not sent, or an image is never referred to.',
    'Send exactly the images that the prompt refers to.',
  ),
  embedding_invalid: request(
    'An image embedding is malformed.',
    'Pass on the embedding exactly as the vision-service answered it.',
  ),
  embedding_model_mismatch: request(
    'An image embedding was made by another model.',
    'Run both stages on the same checkpoint.',
    { grpc: 'FAILED_PRECONDITION', http: 409 },
  ),
  // Checkpoints and files
  checkpoint_not_found: request(
    'There is no checkpoint at this path, nor in the hub under this name.',
    'Give the folder that holds config.json, or a repository of the hub as org/name.',
  ),
  checkpoint_file_missing: request(
    'A file of the checkpoint is missing.',
    'Download the checkpoint again, with every file.',
    { grpc: 'FAILED_PRECONDITION' },
  ),
  checkpoint_invalid: request(
    'A file of the checkpoint is corrupt or holds an unexpected value.',
    'Download the file that the message names again.',
    { grpc: 'FAILED_PRECONDITION' },
  ),
  hub_access_denied: request(
    'The hub does not let this account download the model.',
    "Accept the licence on the model's page, and set HF_TOKEN.",
    { grpc: 'PERMISSION_DENIED', http: 403 },
  ),
  hub_unavailable: server(
    'UNAVAILABLE',
    503,
    'The hub cannot be asked, or does not answer as one.',
    'Check the network, HF_ENDPOINT and HF_HUB_OFFLINE, and try again.',
  ),
  download_corrupt: server(
    'DATA_LOSS',
    500,
    'A downloaded file does not have the hash that the hub tells.',
    'Try again later, or through another network.',
  ),
  model_family_unsupported: request(
    'The checkpoint is of a model family that is not supported.',
    'Use a checkpoint of a supported family; the message lists them.',
    { grpc: 'UNIMPLEMENTED' },
  ),
  compiled_model_corrupt: server(
    'DATA_LOSS',
    500,
    'A file of the compiled model does not match its manifest.',
    'Remove the folder that the message names; it is compiled again on the next start.',
  ),
  configuration_invalid: request(
    'A flag or environment variable has a wrong value.',
    'Start with --help to see what is accepted.',
    { grpc: 'FAILED_PRECONDITION' },
  ),
  insufficient_memory: request(
    'The model does not fit into the memory that the process may take.',
    'Start with fewer --slots, a shorter --context or smaller --weights; the message shows the sum.',
    { grpc: 'FAILED_PRECONDITION' },
  ),
  // Load and life cycle
  queue_full: {
    grpc: 'RESOURCE_EXHAUSTED',
    http: 429,
    type: 'rate_limit_error',
    summary: 'The server has as much work as it accepts.',
    remedy: 'Try again after the time that the answer names.',
  },
  deadline_exceeded: server(
    'DEADLINE_EXCEEDED',
    504,
    'The deadline passed.',
    'Allow more time or ask for less.',
  ),
  cancelled: server('CANCELLED', 499, 'The caller cancelled.', 'Nothing to do.'),
  shutting_down: server(
    'UNAVAILABLE',
    503,
    'The server is shutting down.',
    'Try again, or use another replica.',
  ),
  stage_unavailable: server(
    'UNAVAILABLE',
    503,
    'A stage that this request needs does not answer.',
    'Check that the service that the message names is running.',
  ),
  stream_interrupted: server(
    'UNAVAILABLE',
    503,
    'A stage stopped while it was answering.',
    'Send the request again.',
  ),
  slow_reader: {
    grpc: 'RESOURCE_EXHAUSTED',
    http: 429,
    type: 'rate_limit_error',
    summary: 'The caller reads the stream too slowly.',
    remedy: 'Read the stream as it comes.',
  },
  // Ours
  runtime_failed: server('INTERNAL', 500, 'ONNX Runtime reported an error.', 'Report it with the message.'),
  internal: server(
    'INTERNAL',
    500,
    'Something went wrong inside the server.',
    'Report it with the request id.',
  ),
} as const satisfies Record<string, CatalogueEntry>;

/** Stable, machine-readable name of a failure. */
export type ErrorCode = keyof typeof CATALOGUE;
