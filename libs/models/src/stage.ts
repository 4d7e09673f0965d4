/** The parts that a model is cut into; each is compiled and served on its own. */
export const STAGES = ['vision', 'language'] as const;

/** One of `STAGES`. */
export type Stage = (typeof STAGES)[number];
