import { availableParallelism } from 'node:os';
import { address, choice, folder, integer, model, type SettingsValues } from '@diptych/config';
import { WEIGHT_CHOICES } from '@diptych/models';
import { LOG_LEVELS } from '@diptych/telemetry';

/** Name of this service in logs and errors. */
export const SERVICE_NAME = 'lm-service';

/** What `lm-service` can be set to. */
export const LM_SETTINGS = {
  program: SERVICE_NAME,
  summary: 'Turns prompts with image embeddings into token streams.',
  settings: {
    model: model('Checkpoint to serve: its folder, or org/name[@revision] of the hub.'),
    home: folder("Folder for compiled models; default: diptych in the user's cache folder."),
    weights: choice('How weights are stored; auto goes by this machine and the size of the model.', {
      words: WEIGHT_CHOICES,
      fallback: 'auto',
    }),
    listen: address('Address to listen on; port 0 takes a free one.', { fallback: '127.0.0.1:50052' }),
    threads: integer('Threads of the language model.', {
      min: 1,
      max: 1024,
      fallback: availableParallelism(),
    }),
    slots: integer(
      'Sequences that decode at once, each with a cache of its own; default: what memory allows, at most 16.',
      { min: 1, max: 1024 },
    ),
    context: integer(
      'Most tokens of one sequence, prompt and answer; default: what model and memory allow, at most 8192.',
      { min: 2, max: 10_000_000 },
    ),
    speculate: integer('Most tokens guessed at once where an answer repeats what was said before; 0: none.', {
      min: 0,
      max: 64,
      fallback: 0,
    }),
    queue: integer('Most sequences that wait for a slot; further ones are refused with a retry hint.', {
      min: 0,
      max: 100_000,
      fallback: 64,
    }),
    unreadEvents: integer('Most events of one answer that wait for a slow reader before it is cut off.', {
      min: 1,
      max: 1_000_000,
      fallback: 512,
    }),
    graceSeconds: integer('Time that running answers get to finish at shutdown.', {
      min: 0,
      max: 3_600,
      fallback: 30,
    }),
    logLevel: choice('Least severe lines of the log.', { words: LOG_LEVELS, fallback: 'info' }),
  },
} as const;

/** The settings of one lm-service. */
export type LmSettings = SettingsValues<(typeof LM_SETTINGS)['settings']>;
