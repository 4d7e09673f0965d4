#!/usr/bin/env node
import '@diptych/config/node-version';

import('./src/main.ts');
