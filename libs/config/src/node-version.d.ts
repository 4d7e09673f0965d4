/** Oldest Node that runs Diptych, as `[major, minor]`. Importing the module exits where this Node is older. */
export declare const OLDEST_NODE: readonly [number, number];
/** The line that tells a user of this version what to do, or an empty string where it is new enough. */
export declare function nodeVersionProblem(version: string): string;
