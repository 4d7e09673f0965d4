import type { MatrixRate } from './limits/matrix-rate.ts';
import type { StepBytes } from './limits/step-bytes.ts';
import type { Line } from './lines.ts';
import type { Machine } from './machine.ts';
import type { SameAnswers } from './peers/same-model.ts';
import type { Comparison } from './workloads/compare.ts';
import type { CrowdReport } from './workloads/crowd.ts';
import type { IntruderReport } from './workloads/intruder.ts';
import type { ResidentReport } from './workloads/resident.ts';
import type { TurnSample } from './workloads/second-turn.ts';
import type { Sizes } from './workloads/sizes.ts';

/** A peer, and whether it could be measured. */
export interface PeerReport {
  readonly name: string;
  /** The forms that were tried on each workload. */
  readonly forms: readonly string[];
  /** Why it was not measured; null where it was. */
  readonly skipped: string | null;
  /** Whether it answers as ours does in float32; null where it was not measured. */
  readonly same: SameAnswers | null;
}

/** What was measured, before anything is made of it. */
export interface Measurements {
  readonly sizes: Sizes;
  /** How ours ran. */
  readonly ours: string;
  readonly peers: readonly PeerReport[];
  readonly comparisons: readonly Comparison[];
  /** The most that the processes of each ever held, over the workloads that all of them answered. */
  readonly peakMemory: readonly {
    readonly target: string;
    readonly description: string;
    readonly bytes: number | null;
  }[];
  readonly crowd: CrowdReport;
  readonly secondTurn: readonly TurnSample[];
  readonly intruder: IntruderReport;
  readonly resident: ResidentReport;
  readonly limits: {
    readonly threads: number;
    /** Bytes a second. */
    readonly bandwidth: readonly number[];
    /** Operations a second. */
    readonly matrixEdge: number;
    readonly matrix: MatrixRate;
    readonly step: StepBytes;
    /** Weights that every token of a prompt is multiplied with: those of the decoder's layers. */
    readonly layerElements: number;
  };
}

/** One run of the benchmark: the machine, every raw sample, and the lines. */
export interface BenchReport extends Measurements {
  readonly shape: string;
  readonly machine: Machine;
  /** ISO 8601. */
  readonly finished: string;
  readonly seconds: number;
  readonly weights: { readonly asked: string; readonly chosen: string };
  readonly lines: readonly Line[];
}
