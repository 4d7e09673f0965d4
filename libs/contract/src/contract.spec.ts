import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as contract from './index.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

suite('the contract', () => {
  test('generated code is what the proto files generate', () => {
    const folder = mkdtempSync(join(tmpdir(), 'diptych-contract-'));
    try {
      execFileSync('buf', ['generate', '--template', 'buf.gen.yaml', '--output', folder], { cwd: PROJECT });
      const fresh = join(folder, 'src/gen/diptych/v1');
      const committed = join(PROJECT, 'src/gen/diptych/v1');
      assert.deepEqual(readdirSync(committed).toSorted(), readdirSync(fresh).toSorted());
      for (const file of readdirSync(fresh)) {
        const same = readFileSync(join(committed, file)).equals(readFileSync(join(fresh, file)));
        assert.ok(same, `${file} is stale: run npm run generate`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('has the three services of the design', () => {
    const methods = (service: { readonly methods: readonly { readonly name: string }[] }) =>
      service.methods.map(({ name }) => name);
    assert.deepEqual(methods(contract.VisionService), ['EncodeImage', 'GetModel']);
    assert.deepEqual(methods(contract.LanguageService), ['Generate', 'CountTokens', 'GetModel']);
    assert.deepEqual(methods(contract.ChatService), ['Chat', 'Complete', 'ListModels', 'CountTokens']);
  });
});
