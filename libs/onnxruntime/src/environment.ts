import { api, type Pointer } from './api.ts';
import { check, create } from './status.ts';

/** Severity from which ONNX Runtime writes its own lines to stderr. */
export type LogLevel = 'verbose' | 'info' | 'warning' | 'error' | 'fatal';

/** OrtLoggingLevel, by index. */
const LOG_LEVELS: readonly LogLevel[] = ['verbose', 'info', 'warning', 'error', 'fatal'];

/** Failures reach the caller as errors with the same words; stderr belongs to the structured log. */
const DEFAULT_LOG_LEVEL: LogLevel = 'fatal';

const LOG_ID = 'diptych';

let shared: Pointer | undefined;

/** The process's only OrtEnv. Sessions share its logger; it is never released, as sessions must not outlive it. */
export function environment(): Pointer {
  shared ??= createEnvironment();
  return shared;
}

/** Sets the severity from which ONNX Runtime logs, for all sessions of the process. Initially `fatal`. */
export function setLogLevel(level: LogLevel): void {
  check(api().updateEnvWithCustomLogLevel(environment(), LOG_LEVELS.indexOf(level)));
}

function createEnvironment(): Pointer {
  const env = create((out) => api().createEnv(LOG_LEVELS.indexOf(DEFAULT_LOG_LEVEL), LOG_ID, out));
  check(api().disableTelemetryEvents(env));
  return env;
}
