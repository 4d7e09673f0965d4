#!/usr/bin/env node
import '@diptych/config/node-version';

await import('./micro.ts');
