import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

test('generated code is what the proto file generates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'diptych-onnx-graph-'));
  try {
    execFileSync('buf', ['generate', '--template', 'buf.gen.yaml', '--output', folder], { cwd: PROJECT });
    const fresh = join(folder, 'src/gen');
    const committed = join(PROJECT, 'src/gen');
    assert.deepEqual(readdirSync(committed).toSorted(), readdirSync(fresh).toSorted());
    for (const file of readdirSync(fresh)) {
      const same = readFileSync(join(committed, file)).equals(readFileSync(join(fresh, file)));
      assert.ok(same, `${file} is stale: run npm run generate`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
