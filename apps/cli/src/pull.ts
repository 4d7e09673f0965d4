import { parseReference, pullModel, readHubSettings } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { acceptFamily } from '@diptych/models';
import { ProgressDisplay } from './progress-display.ts';
import { INTERRUPTED, stopSignal } from './stop-signal.ts';

/**
 * Downloads a model of the hub into the cache, or brings it up to date there, and prints its folder. Ctrl-C stops it; what
 * came is kept, and the next pull goes on from there.
 */
export async function pull(name: string): Promise<void> {
  const reference = parseReference(name);
  if (!reference)
    throw new DiptychError(
      'invalid_parameter',
      `${name} is no repository of the hub: expected org/name or org/name@revision.`,
    );
  const signal = stopSignal();
  using progress = new ProgressDisplay();
  try {
    const settings = await readHubSettings();
    const { listener } = progress;
    listener.onMessage?.(`Downloading ${name} from ${settings.endpoint} to ${settings.cacheFolder}.`);
    const { folder } = await pullModel({ reference, settings, accept: acceptFamily, listener, signal });
    progress[Symbol.dispose]();
    process.stdout.write(`${folder}\n`);
  } catch (error) {
    progress[Symbol.dispose]();
    if (!signal.aborted) throw error;
    process.stderr.write('Stopped. What came is kept; pull it again to go on.\n');
    process.exitCode = INTERRUPTED;
  }
}
