/** What a peer is asked: one line of JSON on its standard input. */
export interface PeerCommand {
  /** The whole prompt, image tokens included: the same ids that our own services make. */
  readonly ids: readonly number[];
  /** Path of the image in it. */
  readonly image: string | null;
  /** Whether the image is split into tiles. */
  readonly split: boolean;
  /** What the image's longest edge is brought to first; null as the checkpoint says, which enlarges a small one. */
  readonly longestEdge: number | null;
  /** How many tokens to answer, greedily; the end token does not end it. */
  readonly tokens: number;
}

/** What it answers, once the last token is there. */
export interface PeerAnswer {
  /** Milliseconds from the command to each token. */
  readonly times: readonly number[];
  readonly tokens: readonly number[];
}

/** Its first line, when it is ready: the library, its version and how it runs. */
export interface PeerReady {
  readonly ready: string;
}
