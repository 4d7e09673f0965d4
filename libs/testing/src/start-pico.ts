import { type Services, type StartOptions, startServices } from '@diptych/cli';
import { MODEL_HOME, PICO } from './paths.ts';

const ANY_PORT = '127.0.0.1:0';

/** The three services as three processes on free ports, serving the bundled model unless told otherwise. */
export async function startPico(options: Partial<StartOptions> = {}): Promise<Services> {
  return await startServices({
    model: PICO,
    listen: ANY_PORT,
    grpcListen: ANY_PORT,
    visionListen: ANY_PORT,
    languageListen: ANY_PORT,
    env: { ...process.env, DIPTYCH_HOME: MODEL_HOME },
    ...options,
  });
}
