import { loadModel } from '@diptych/models';

/**
 * Compiles the language stage of a checkpoint and prints, as JSON, the most memory that this process took meanwhile and
 * before. Arguments: checkpoint, home, format.
 */
const [checkpointFolder = '', home = '', weights = ''] = process.argv.slice(2);
const peak = () => process.resourceUsage().maxRSS * 1024;
const before = peak();
await loadModel({
  checkpointFolder,
  home,
  weights: weights === 'int8' ? 'int8' : 'float32',
  stages: ['language'],
});
process.stdout.write(JSON.stringify({ before, peak: peak() }));
