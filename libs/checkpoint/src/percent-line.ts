/** Time between two lines about one piece of work. */
const LINE_EVERY_MS = 2_000;

/** How much of something is done, in any unit. */
export interface Share {
  readonly done: number;
  readonly total: number;
  /** What was done before this began, which says nothing about speed. */
  readonly before?: number;
}

/**
 * Turns a stream of facts into a line every two seconds: `compiling language: 37 %, about 85 s left`. What takes less
 * says nothing.
 *
 * @param now Milliseconds of a clock that never goes back.
 */
export function percentLines(
  what: string,
  write: (line: string) => void,
  now: () => number = () => performance.now(),
): (share: Share) => void {
  let written = now();
  let begin: number | undefined;
  return ({ done, total, before = 0 }) => {
    const time = now();
    begin ??= time;
    if (time - written < LINE_EVERY_MS || done >= total) return;
    written = time;
    const percent = Math.floor((done / total) * 100);
    write(`${what}: ${percent} %${timeLeft(done - before, total - done, time - begin)}`);
  };
}

/** The speed of less than this part of what is to do tells nothing. */
const MEANINGFUL_PART = 0.03;

/** At the speed so far; nothing where there is none yet. */
function timeLeft(done: number, left: number, elapsedMs: number): string {
  if (done < MEANINGFUL_PART * (done + left)) return '';
  const seconds = Math.ceil(((elapsedMs / done) * left) / 1000);
  return seconds < 120 ? `, about ${seconds} s left` : `, about ${Math.ceil(seconds / 60)} min left`;
}
