/** The exit code of a program that Ctrl-C ended, as shells count it: 128 and the number of SIGINT. */
export const INTERRUPTED = 130;

/** A signal that aborts when this process is asked to end, by Ctrl-C or SIGTERM, instead of ending it at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
