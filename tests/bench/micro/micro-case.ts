/** A piece of work that is small enough to be looked at by itself. */
export interface MicroCase {
  /** `GROUP/WHAT`. */
  readonly name: string;
  /** Makes what the work needs; not measured. */
  prepare(scope: MicroScope): Promise<MicroWork> | MicroWork;
}

/** What a case may use. */
export interface MicroScope {
  /** A folder of the case's own. */
  readonly folder: string;
  /** A checkpoint whose tokeniser and chat template are measured. */
  readonly checkpoint: string;
  /** Disposes of things after the case. */
  readonly resources: DisposableStack;
}

/** The work itself. */
export interface MicroWork {
  /** Measured, until what it returns has settled. */
  readonly run: () => unknown;
  /**
   * Where given, `run` is measured until it returns, and this comes after it and is not: for what a call costs the
   * event loop.
   */
  readonly settle?: () => Promise<unknown>;
}
