import {
  type CachedModel,
  defaultHome,
  describeBytes,
  listCachedModels,
  readHubSettings,
} from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { compiledFormats, familyOf } from '@diptych/models';

/** A model of the cache that Diptych can serve. */
interface ServableModel extends CachedModel {
  readonly family: string;
  /** Formats of the weights that were compiled in Diptych's home. */
  readonly compiled: readonly string[];
}

/** Characters of a commit that tell it from others, as git shows them. */
const SHORT_COMMIT = 7;

/** Prints the models of the hub's cache that can be served, one in a line; with `json`, as one array. */
export async function list({ json }: { readonly json: boolean }): Promise<void> {
  const { cacheFolder } = await readHubSettings();
  const models = await servable(await listCachedModels(cacheFolder));
  if (json) process.stdout.write(`${JSON.stringify(models.map(entryOf), null, 2)}\n`);
  else if (models.length === 0) process.stderr.write(`No model in ${cacheFolder} can be served.\n`);
  else process.stdout.write(tableOf(models));
}

async function servable(models: readonly CachedModel[]): Promise<ServableModel[]> {
  const home = defaultHome();
  const known: ServableModel[] = [];
  for (const model of models) {
    try {
      const family = await familyOf(model.folder);
      known.push({
        ...model,
        family,
        compiled: await compiledFormats({ checkpointFolder: model.folder, home }),
      });
    } catch (error) {
      // Of another family, or damaged: the list tells what can be served.
      if (!(error instanceof DiptychError)) throw error;
    }
  }
  return known;
}

function entryOf({ id, commit, revisions, family, bytes, folder, compiled }: ServableModel) {
  return { id, revision: commit, refs: revisions, family, bytes, folder, compiled };
}

function tableOf(models: readonly ServableModel[]): string {
  const rows = models.map(({ id, commit, revisions, family, bytes, compiled }) => [
    id,
    family,
    describeBytes(bytes),
    [commit.slice(0, SHORT_COMMIT), ...revisions].join(' '),
    compiled.length > 0 ? `compiled: ${compiled.join(' ')}` : '',
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
