import { type DestinationStream, destination, type Logger, levels, pino } from 'pino';

export type { Logger } from 'pino';

/** How a logger is made. */
export interface LoggerOptions {
  /** Name of the process or part, for example `vision-service`; the field `name` of each line. */
  readonly name: string;
  /** Least severe level that is written: `trace` to `fatal`, or `silent`. Default: `DIPTYCH_LOG_LEVEL`, else `info`. */
  readonly level?: string;
  /** Where the lines go. Default: standard error, so that standard output stays free for answers. */
  readonly stream?: DestinationStream;
}

/**
 * A logger that writes one JSON object a line. Fields that may hold what a user sent are replaced, at the top
 * level and one level below it. Log counts, sizes, codes and timings instead of contents.
 *
 * An unknown level is taken as `info`.
 */
export function createLogger(options: LoggerOptions): Logger {
  const wanted = options.level ?? process.env['DIPTYCH_LOG_LEVEL'] ?? DEFAULT_LEVEL;
  return pino(
    {
      name: options.name,
      level: wanted === 'silent' || wanted in levels.values ? wanted : DEFAULT_LEVEL,
      redact: { paths: USER_CONTENT.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    },
    // Synchronous, so that the last line before an exit is not lost.
    options.stream ?? destination({ fd: STANDARD_ERROR, sync: true }),
  );
}

const DEFAULT_LEVEL = 'info';
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
