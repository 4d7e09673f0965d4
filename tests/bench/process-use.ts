import { readFileSync } from 'node:fs';

/** What a process holds and has used, in bytes and seconds. */
export interface ProcessUse {
  /** In physical memory now: `VmRSS`. */
  readonly resident: number;
  /** The part of it that is the process's own: `RssAnon`. The rest are pages of files, which the system can drop. */
  readonly anonymous: number;
  /** The most that was ever resident: `VmHWM`. */
  readonly peak: number;
  /** Time on processors since it began, over all threads: on a busy machine steadier than time on the clock. */
  readonly cpuSeconds: number;
}

/** What a process uses, or null where it is gone or the system has no /proc. */
export function processUse(pid: number | undefined): ProcessUse | null {
  if (pid === undefined) return null;
  try {
    const memory = parseStatus(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return memory && { ...memory, cpuSeconds: parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8')) };
  } catch {
    return null;
  }
}

function parseStatus(status: string): Omit<ProcessUse, 'cpuSeconds'> | null {
  const bytes = (field: string) => {
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  };
  const [resident, anonymous, peak] = [bytes('VmRSS'), bytes('RssAnon'), bytes('VmHWM')];
  // A process that has just ended still has a status, without memory.
  if (resident === undefined || anonymous === undefined || peak === undefined) return null;
  return { resident, anonymous, peak };
}

/** Linux counts time in hundredths of a second wherever programs can see it. */
const TICKS_PER_SECOND = 100;

/** Fields of /proc/PID/stat behind the process's name, which may hold anything: proc_pid_stat(5) counts them from 3. */
const USER_TIME = 14 - 3;
const SYSTEM_TIME = 15 - 3;

function parseStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) / TICKS_PER_SECOND;
}
