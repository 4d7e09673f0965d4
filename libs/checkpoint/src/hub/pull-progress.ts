/** How far a download is. */
export interface PullProgress {
  /** Bytes that are there, those of earlier downloads included. */
  readonly doneBytes: number;
  /** Bytes of all files that are known so far; it grows when the sizes of the weights come. */
  readonly totalBytes: number;
  /** Over the last seconds; 0 until something came. */
  readonly bytesPerSecond: number;
}

/** Whom a download tells how it goes. */
export interface PullListener {
  /** Called some times a second while bytes come, and at the end. */
  readonly onProgress?: (progress: PullProgress) => void;
  /** Told in a sentence what is out of the ordinary or takes long: a wait, a retry, a damaged file. */
  readonly onMessage?: (text: string) => void;
}

/** A person reads no more often. */
const REPORT_EVERY_MS = 100;

/** The rate is that of this time: long enough to be steady, short enough to follow a changing line. */
const WINDOW_MS = 5_000;

interface Sample {
  readonly at: number;
  readonly received: number;
}

/** Counts bytes, and reports them at a pace that a person can read. */
export class PullMeter {
  readonly #report: (progress: PullProgress) => void;
  readonly #now: () => number;
  readonly #samples: Sample[] = [];
  #done = 0;
  #total = 0;
  #received = 0;
  #reportedAt = -Infinity;

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(report: (progress: PullProgress) => void, now: () => number = () => performance.now()) {
    this.#report = report;
    this.#now = now;
  }

  /** Says that so many bytes more are to come. */
  expect(bytes: number): void {
    this.#total += bytes;
  }

  /** Says that bytes are there now; `isReceived` where they came just now and count for the rate. */
  add(bytes: number, isReceived: boolean): void {
    this.#done += bytes;
    if (isReceived) this.#received += bytes;
    if (this.#now() - this.#reportedAt >= REPORT_EVERY_MS) this.flush();
  }

  /** Reports at once. */
  flush(): void {
    this.#reportedAt = this.#now();
    this.#report({ doneBytes: this.#done, totalBytes: this.#total, bytesPerSecond: this.#rate() });
  }

  #rate(): number {
    const newest = { at: this.#now(), received: this.#received };
    this.#samples.push(newest);
    while ((this.#samples[1]?.at ?? Infinity) <= newest.at - WINDOW_MS) this.#samples.shift();
    const oldest = this.#samples[0] ?? newest;
    const seconds = (newest.at - oldest.at) / 1000;
    return seconds > 0 ? (newest.received - oldest.received) / seconds : 0;
  }
}

/** Time between two lines of a log. */
const LINE_EVERY_MS = 10_000;

/**
 * A listener that writes lines, for logs and for outputs that are no terminal: what is out of the ordinary at once, and
 * how far the download is every ten seconds.
 */
export function asLines(
  write: (line: string) => void,
  now: () => number = () => performance.now(),
): PullListener {
  let writtenAt = now();
  return {
    onMessage: write,
    onProgress: (progress) => {
      if (now() - writtenAt < LINE_EVERY_MS) return;
      writtenAt = now();
      write(describeProgress(progress));
    },
  };
}

/** For example `1.2 GB of 4.5 GB (27 %), 35 MB/s, 1 min 35 s left`. */
export function describeProgress({ doneBytes, totalBytes, bytesPerSecond }: PullProgress): string {
  const percent = totalBytes > 0 ? Math.floor((doneBytes / totalBytes) * 100) : 0;
  const amount = `${describeBytes(doneBytes)} of ${describeBytes(totalBytes)} (${percent} %)`;
  if (bytesPerSecond <= 0) return amount;
  if (doneBytes >= totalBytes) return `${amount}, ${describeBytes(bytesPerSecond)}/s`;
  const left = describeSeconds((totalBytes - doneBytes) / bytesPerSecond);
  return `${amount}, ${describeBytes(bytesPerSecond)}/s, ${left} left`;
}

/** Bytes in the decimal units that disks and networks are sold in, as the hub shows them. */
export function describeBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power] ?? ''}`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

function describeSeconds(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
