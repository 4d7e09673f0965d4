import {
  describeExit,
  type Listening,
  type ServiceExit,
  type ServiceName,
  ServiceProcess,
} from './service-process.ts';

export type { ServiceExit, ServiceName } from './service-process.ts';

/** How long a service may take to finish its streams when it is asked to stop. */
const STOP_GRACE_MS = 15_000;
/** Pause between two looks at the gateway's readiness. */
const READY_POLL_MS = 50;
/** The stages listen already when this wait begins, so it covers their first gRPC connections alone. */
const READY_TIMEOUT_MS = 30_000;

/** What to start. */
export interface StartOptions {
  /** Folder of the checkpoint that all three serve. */
  readonly model: string;
  /** Jinja file that replaces the checkpoint's chat template. */
  readonly chatTemplate?: string;
  /** How weights are stored; what the services' own settings say where left out. */
  readonly weights?: string;
  /** REST address as host:port; port 0 takes a free one. */
  readonly listen: string;
  /** gRPC address of the chat API. */
  readonly grpcListen: string;
  /** Addresses of the two stages. */
  readonly visionListen: string;
  readonly languageListen: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Gives up the start: those that run already are stopped, and the start fails with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Receives each line that a service logs. */
  readonly onLine?: (service: ServiceName, line: string) => void;
}

/** The three services, running. Disposing stops them. */
export interface Services extends AsyncDisposable {
  /** Address of the REST API, for example `http://127.0.0.1:8000`. */
  readonly url: string;
  /** host:port of the gRPC chat API. */
  readonly grpc: string;
  readonly vision: string;
  readonly language: string;
  readonly processes: Readonly<Record<ServiceName, ServiceProcess>>;
  /** Settles when the first of them ends. */
  readonly firstExit: Promise<ServiceExit>;
  stop(): Promise<void>;
}

/**
 * Starts vision-service, lm-service and gateway as three processes and waits until the gateway reports ready.
 * Throws an error that names the service and its last words if one of them ends first; the others are stopped.
 */
export async function startServices(options: StartOptions): Promise<Services> {
  const started: ServiceProcess[] = [];
  const start = (name: ServiceName, args: readonly string[]) => {
    const process_ = new ServiceProcess(name, {
      args: ['--model', options.model, ...args],
      env: options.env ?? process.env,
      onLine: (line) => options.onLine?.(name, line),
    });
    started.push(process_);
    return process_;
  };
  const stop = async () => {
    // The gateway first: its running answers still need both stages.
    await started.find(({ name }) => name === 'gateway')?.stop(STOP_GRACE_MS);
    await Promise.all(started.map((service) => service.stop(STOP_GRACE_MS)));
  };
  const weights = options.weights === undefined ? [] : ['--weights', options.weights];
  const aborted = rejectedBy(options.signal);
  try {
    const vision = start('vision-service', ['--listen', options.visionListen, ...weights]);
    const language = start('lm-service', ['--listen', options.languageListen, ...weights]);
    const startGateway = (atVision: string, atLanguage: string) =>
      start('gateway', [
        ...['--listen', options.listen, '--grpc-listen', options.grpcListen],
        ...['--vision', atVision, '--language', atLanguage],
        ...(options.chatTemplate === undefined ? [] : ['--chat-template', options.chatTemplate]),
      ]);
    // Where the addresses of the stages are known, the gateway reads its template while they compile and load.
    const { visionListen, languageListen } = options;
    const early =
      hasPort(visionListen) && hasPort(languageListen)
        ? startGateway(visionListen, languageListen)
        : undefined;
    const [atVision, atLanguage] = await Promise.race([
      Promise.all([vision.listening(), language.listening(), early?.listening()]),
      aborted,
    ]);
    const gateway = early ?? startGateway(atVision.listening, atLanguage.listening);
    const atGateway = await Promise.race([gateway.listening(), aborted]);
    const firstExit = Promise.race(started.map((service) => service.exited));
    await Promise.race([readyOrEnded(atGateway, firstExit), aborted]);
    return {
      url: atGateway.listening,
      grpc: grpcAddress(atGateway),
      vision: atVision.listening,
      language: atLanguage.listening,
      processes: { 'vision-service': vision, 'lm-service': language, gateway },
      firstExit,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** False for port 0, which takes a free one. */
function hasPort(address: string): boolean {
  return !address.endsWith(':0');
}

/** A promise that never resolves, and rejects with the signal's reason. */
function rejectedBy(signal: AbortSignal | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = () => reject(signal?.reason as Error);
  if (signal?.aborted) fail();
  signal?.addEventListener('abort', fail, { once: true });
  promise.catch(() => undefined);
  return promise;
}

function grpcAddress(gateway: Listening): string {
  if (gateway.grpc === undefined) throw new Error('gateway: it did not say where its gRPC API listens');
  return gateway.grpc;
}

async function readyOrEnded(gateway: Listening, firstExit: Promise<ServiceExit>): Promise<void> {
  const ended = firstExit.then((exit) => {
    throw new Error(describeExit(exit));
  });
  await Promise.race([untilReady(gateway.listening), ended]);
}

async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const response = await fetch(`${url}/readyz`);
    const body = await response.text();
    if (response.ok) return;
    if (performance.now() > deadline) throw new Error(`gateway: not ready after 30 s: ${body}`);
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
}
