import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Levels of severity from the least; `silent` is above all, so nothing is written. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Name of a level. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How a logger is made. */
export interface LoggerOptions {
  /** Name of the process or part, for example `vision-service`; the field `name` of each line. */
  readonly name: string;
  /** Least severe level that is written. */
  readonly level: LogLevel;
  /** Where the lines go. Default: standard error, so that standard output stays free for answers. */
  readonly stream?: DestinationStream;
}

/**
 * A logger that writes one JSON object a line. Fields that may hold what a user sent are replaced, at the top
 * level and one level below it. Log counts, sizes, codes and timings instead of contents.
 */
export function createLogger({ name, level, stream }: LoggerOptions): Logger {
  return pino(
    {
      name,
      level,
      redact: { paths: USER_CONTENT.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    },
    // Synchronous, so that the last line before an exit is not lost.
    stream ?? destination({ fd: STANDARD_ERROR, sync: true }),
  );
}

const STANDARD_ERROR = 2;

/** Names of fields that carry what users write, show or are answered, or what lets them in. */
const USER_CONTENT = [
  'text',
  'content',
  'messages',
  'prompt',
  'segments',
  'image',
  'images',
  'image_url',
  'features',
  'stop',
  'answer',
  'authorization',
];
