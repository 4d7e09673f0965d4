import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { compiledFolder } from '../index.ts';

/**
 * A process that asks for a compiled folder. Arguments: home, and a file to which each compilation appends a line.
 * Prints every progress message, what an
 * interrupted process has left, `compiling` when half of the result is written (it then waits for a line on
 * standard input), and the folder at the end.
 */
const [home = '', log = ''] = process.argv.slice(2);
const input = createInterface(process.stdin);

const folder = await compiledFolder({
  home,
  checkpoint: { id: 'tiny' },
  fingerprint: 'abc',
  stage: 'vision',
  weights: 'float32',
  compilerVersion: 1,
  compile: async (target) => {
    for (const left of await readdir(target)) console.log(`found ${left}`);
    await mkdir(join(target, 'vision'), { recursive: true });
    await writeFile(join(target, 'vision', 'model.onnx'), 'vision');
    const answered = input.question('');
    console.log('compiling');
    await answered;
    await writeFile(join(target, 'model.onnx'), 'language');
    await appendFile(log, 'compiled\n');
  },
  onProgress: (message) => console.log(message),
});
input.close();
console.log(folder);
