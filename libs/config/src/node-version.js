// Imported first by each entry point. Plain ES2015 without imports, so that an old Node can run it and say
// what is wrong, where it would otherwise stumble over TypeScript with an unhelpful message.

/** Oldest Node that runs Diptych, which reads TypeScript and `using` as they are: `engines` of the root package.json. */
export const OLDEST_NODE = [24, 0];

/**
 * The line that tells a user of this version what to do, or an empty string where the version is new enough.
 * @param {string} version for example `v20.20.2`
 */
export function nodeVersionProblem(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  const newEnough = parts[0] > OLDEST_NODE[0] || (parts[0] === OLDEST_NODE[0] && parts[1] >= OLDEST_NODE[1]);
  if (newEnough) return '';
  return (
    'Diptych needs Node ' +
    OLDEST_NODE.join('.') +
    ' or newer, this is ' +
    version +
    ': ' +
    'run it through npm scripts (npm start), which bring their own Node.'
  );
}

const problem = nodeVersionProblem(process.version);
if (problem !== '') {
  console.error(problem);
  process.exit(1);
}
