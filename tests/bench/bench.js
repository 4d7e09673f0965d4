#!/usr/bin/env node
import '@diptych/config/node-version';

await import('./bench.ts');
