/** Most turns of a conversation: beyond any context that is served, and it bounds the work of validation. */
export const MAX_MESSAGES = 1024;

/** Most parts of one turn, for the same reason. */
export const MAX_PARTS = 256;

/** Most images of a conversation: each is fetched and encoded at the same time as the others. */
export const MAX_IMAGES = 32;

/** Most answers for one prompt: each takes a place in the language service. */
export const MAX_CHOICES = 16;
