import { findModel } from './find-model.ts';
import { isComplaint, isProgress, readable } from './log-line.ts';
import { describeExit, type ServiceExit, type ServiceName } from './service-process.ts';
import { type Services, startServices } from './services.ts';
import { stopSignal } from './stop-signal.ts';

/** Flags of `diptych serve`. */
export interface ServeOptions {
  readonly model: string;
  readonly chatTemplate?: string;
  readonly weights?: string;
  readonly listen: string;
  readonly grpcListen: string;
  readonly visionListen: string;
  readonly languageListen: string;
  readonly verbose: boolean;
}

/**
 * Starts the three services, prints the addresses and a curl line, and stops them all on SIGINT or SIGTERM. When
 * one of them ends by itself, says which and why, stops the others and sets exit code 1.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const stopping = stopSignal();
  const stopped = new Promise<undefined>((resolve) => {
    stopping.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  try {
    await using services = await startServices({
      ...options,
      model: await findModel(options.model, stopping),
      signal: stopping,
      onLine: (service, line) => report(service, line, options.verbose),
    });
    process.stdout.write(welcome(services, await servedModel(services)));
    const ended = await Promise.race([stopped, services.firstExit]);
    if (ended === undefined || stopping.aborted) process.stdout.write('\nStopping.\n');
    else fail(ended);
  } catch (error) {
    if (!stopping.aborted) throw error;
  }
}

function fail(exit: ServiceExit): void {
  process.stderr.write(`diptych: ${describeExit(exit)}; stopping the others\n`);
  process.exitCode = 1;
}

function report(service: ServiceName, line: string, verbose: boolean): void {
  if (verbose) process.stderr.write(`${line}\n`);
  else if (isComplaint(line) || isProgress(line)) process.stderr.write(`${service}: ${readable(line)}\n`);
}

async function servedModel(services: Services): Promise<string> {
  const response = await fetch(`${services.url}/v1/models`);
  const { data } = (await response.json()) as { data: { id: string }[] };
  const id = data[0]?.id;
  if (id === undefined) throw new Error('gateway: it lists no model');
  return id;
}

function welcome(services: Services, model: string): string {
  const body = JSON.stringify({
    model,
    stream: true,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,IMAGE' } },
          { type: 'text', text: 'What do we see in this image?' },
        ],
      },
    ],
  }).replace('IMAGE', `'"$(base64 < samples/two-cats.png | tr -d '\\n')"'`);
  return `
Diptych serves ${model}.

  REST   ${services.url}/v1
  gRPC   ${services.grpc}

Ask it something, from this folder in another terminal:

curl -N ${services.url}/v1/chat/completions -H 'content-type: application/json' -d '${body}'

Ctrl-C stops all three services.
`;
}
