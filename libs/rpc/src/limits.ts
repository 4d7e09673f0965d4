/**
 * Largest message either side takes or sends, in bytes. A conversation with ten images of 17 tiles of 64 rows
 * of 2048 float16 values is 45 MB; a photograph as bytes is at most some 20 MB. grpc-js stops at 4 MiB otherwise.
 */
export const MAX_MESSAGE_BYTES = 64 * 2 ** 20;

/**
 * Idle milliseconds after which each side asks whether the other is still there, and how long it waits for the
 * answer. Without them a call to a stopped machine hangs for as long as TCP retries. The wait is long enough
 * for a peer whose event loop is busy for a moment.
 */
export const KEEPALIVE_TIME_MS = 5_000;
export const KEEPALIVE_TIMEOUT_MS = 5_000;

/**
 * Milliseconds between attempts to connect, first and longest. grpc-js waits up to two minutes otherwise, in
 * which every call fails although the service is back.
 */
export const FIRST_RECONNECT_MS = 100;
export const LONGEST_RECONNECT_MS = 1_000;

/**
 * Milliseconds that a reader of a stream may leave a full buffer untouched: beyond any pause of a network that
 * works. Whoever stops for longer would hold what the answer occupies for as long as the connection stands.
 */
export const SLOW_READER_MS = 30_000;

/** Longest error message that is sent, in characters: it travels in a header, and peers bound those. */
export const MAX_ERROR_CHARACTERS = 2_000;

/** Milliseconds that aborted calls and open connections get to end by themselves once the grace is over. */
export const FORCED_END_MS = 250;

/** Retry hint of a server that is going away: about the time a replacement needs to be known. */
export const SHUTDOWN_RETRY_MS = 1_000;

/** Longest delay that a Node timer takes, in milliseconds; it fires at once where it is asked for more. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
