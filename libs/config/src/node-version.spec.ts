import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { nodeVersionProblem, OLDEST_NODE } from './node-version.js';

test('an old Node is told in one line what to do', () => {
  assert.equal(
    nodeVersionProblem('v20.20.2'),
    'Diptych needs Node 24.0 or newer, this is v20.20.2: run it through npm scripts (npm start), which bring their own Node.',
  );
});

test('the oldest accepted version and newer ones pass, those just below do not', () => {
  for (const version of ['v24.0.0', 'v24.21.0', 'v30.1.0']) assert.equal(nodeVersionProblem(version), '');
  for (const version of ['v23.99.9', 'v22.23.0', 'v8.0.0']) assert.notEqual(nodeVersionProblem(version), '');
});

test('the version is the one that package.json declares', () => {
  const root = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { engines } = JSON.parse(root) as { engines: { node: string } };
  assert.equal(engines.node, `>=${OLDEST_NODE.join('.')}`);
});
