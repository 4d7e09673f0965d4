export { createLogger, type Logger, type LoggerOptions } from './logger.ts';
export { Stopwatch } from './stopwatch.ts';
