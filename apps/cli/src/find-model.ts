import { locateCheckpoint } from '@diptych/checkpoint';
import { acceptFamily } from '@diptych/models';
import { ProgressDisplay } from './progress-display.ts';

/**
 * The folder of the model that `--model` names, downloaded first where it is a repository of the hub that the cache lacks;
 * then all services get the same commit of it.
 */
export async function findModel(model: string, signal: AbortSignal): Promise<string> {
  using progress = new ProgressDisplay();
  return await locateCheckpoint(model, { accept: acceptFamily, listener: progress.listener, signal });
}
