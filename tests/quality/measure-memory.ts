import { readFile } from 'node:fs/promises';
import { openSession } from '@diptych/models';
import { Tensor } from '@diptych/onnxruntime';

/** What loading a graph adds to a process, in MB. */
export interface Memory {
  /** Resident memory altogether. */
  readonly residentMB: number;
  /** Of that, memory of the process's own; the rest is the weights' file, which the system can drop and read again. */
  readonly ownMB: number;
}

const [graphPath] = process.argv.slice(2);
if (graphPath !== undefined) process.stdout.write(`${JSON.stringify(await measureLoad(graphPath))}\n`);

async function measureLoad(path: string): Promise<Memory> {
  // Loads the library, whose own memory does not count.
  Tensor.allocate('float32', [1])[Symbol.dispose]();
  const before = await readMemory();
  using session = await openSession(path, { intraOpThreads: 2 });
  const after = await readMemory();
  if (session.inputs.length === 0) throw new Error(`${path} has no inputs`);
  return {
    residentMB: Math.round(after.resident - before.resident),
    ownMB: Math.round(after.own - before.own),
  };
}

/** Linux: `VmRSS` and `RssAnon` of /proc/self/status, which are in kB. */
async function readMemory() {
  const status = await readFile('/proc/self/status', 'utf8');
  const megabytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024;
  return { resident: megabytes('VmRSS'), own: megabytes('RssAnon') };
}
