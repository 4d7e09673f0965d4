export { HubServer, picoFiles } from './hub.ts';
export { MODEL_HOME, PICO, PROTO, ROOT, SAMPLES, sampleDataUri } from './paths.ts';
export { startPico } from './start-pico.ts';
