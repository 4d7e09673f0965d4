/** A signal that aborts when this process is asked to end, by Ctrl-C or SIGTERM, instead of ending it at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
