import { locateCheckpoint } from '../index.ts';

/** A process that looks for `org/tiny` as its environment says. Prints every message, and the folder at the end. */
const folder = await locateCheckpoint('org/tiny', { listener: { onMessage: (text) => console.log(text) } });
console.log(folder);
