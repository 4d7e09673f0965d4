import {
  address,
  bytes,
  choice,
  file,
  flag,
  integer,
  model,
  type SettingsValues,
  text,
} from '@diptych/config';
import { LOG_LEVELS } from '@diptych/telemetry';

/** Name of this service in logs and errors. */
export const SERVICE_NAME = 'gateway';

/** What the gateway can be set to: flags such as `--max-requests`, or `DIPTYCH_MAX_REQUESTS`. */
export const GATEWAY_SETTINGS = {
  program: SERVICE_NAME,
  summary: 'The chat API, REST and gRPC, in front of a vision-service and an lm-service.',
  settings: {
    model: model('Checkpoint that the stages serve, as they name it; its weights are not needed here.'),
    modelId: text('Id of the model in the API; its repository or the name of its folder where absent.'),
    chatTemplate: file('Jinja file that replaces the chat template of the checkpoint.'),
    listen: address('Address of the REST API.', { fallback: '127.0.0.1:8000' }),
    grpcListen: address('Address of the gRPC API.', { fallback: '127.0.0.1:50050' }),
    vision: address('Address of the vision-service.', { fallback: '127.0.0.1:50051' }),
    language: address('Address of the lm-service.', { fallback: '127.0.0.1:50052' }),
    maxRequests: integer('Requests that are answered at once; more get 429.', {
      min: 1,
      max: 65_536,
      fallback: 64,
    }),
    maxBodyBytes: bytes('Largest body of a REST request.', { fallback: 64 * 2 ** 20 }),
    maxImageBytes: bytes('Largest encoded image.', { fallback: 20 * 2 ** 20 }),
    imageTimeoutMs: integer('Milliseconds to fetch one image.', { min: 1, max: 600_000, fallback: 10_000 }),
    requestTimeoutMs: integer('Milliseconds for one answer.', { min: 1, max: 86_400_000, fallback: 600_000 }),
    graceSeconds: integer('Time that running answers get to finish at shutdown.', {
      min: 0,
      max: 3_600,
      fallback: 10,
    }),
    allowPrivateImageHosts: flag('Also fetch images from loopback and private addresses.'),
    logLevel: choice('Least severe lines of the log.', { words: LOG_LEVELS, fallback: 'info' }),
  },
} as const;

/** The settings of one gateway. */
export type GatewaySettings = SettingsValues<(typeof GATEWAY_SETTINGS)['settings']>;
