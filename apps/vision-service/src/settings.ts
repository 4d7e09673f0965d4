import { availableParallelism } from 'node:os';
import { address, bytes, choice, folder, integer, model, type SettingsValues } from '@diptych/config';
import { DEFAULT_IMAGE_LIMITS } from '@diptych/image';
import { WEIGHT_CHOICES } from '@diptych/models';
import { LOG_LEVELS } from '@diptych/telemetry';

/** Name of this service in logs and errors. */
export const SERVICE_NAME = 'vision-service';

/** What `vision-service` can be set to. */
export const VISION_SETTINGS = {
  program: SERVICE_NAME,
  summary: 'Turns images into the embeddings that a language model reads in place of image tokens.',
  settings: {
    model: model('Checkpoint to serve: its folder, or org/name[@revision] of the hub.'),
    home: folder("Folder for compiled models; default: diptych in the user's cache folder."),
    weights: choice('How weights are stored; auto goes by this machine and the size of the model.', {
      words: WEIGHT_CHOICES,
      fallback: 'auto',
    }),
    listen: address('Address to listen on; port 0 takes a free one.', { fallback: '127.0.0.1:50051' }),
    threads: integer('Threads of the encoder.', { min: 1, max: 1024, fallback: availableParallelism() }),
    cacheBytes: bytes('Most bytes of embeddings kept for images seen before; 0 keeps none.', {
      fallback: 256 * 2 ** 20,
    }),
    queue: integer('Most images accepted at once; further ones are refused with a retry hint.', {
      min: 1,
      max: 10_000,
      fallback: 64,
    }),
    maxImageBytes: bytes('Largest encoded image.', { fallback: DEFAULT_IMAGE_LIMITS.maxBytes }),
    maxImagePixels: integer('Largest image in pixels, width times height.', {
      min: 1,
      max: 1_000_000_000,
      fallback: DEFAULT_IMAGE_LIMITS.maxPixels,
    }),
    graceSeconds: integer('Time that running requests get to finish at shutdown.', {
      min: 0,
      max: 3_600,
      fallback: 30,
    }),
    logLevel: choice('Least severe lines of the log.', { words: LOG_LEVELS, fallback: 'info' }),
  },
} as const;

/** The settings of one vision-service. */
export type VisionSettings = SettingsValues<(typeof VISION_SETTINGS)['settings']>;
