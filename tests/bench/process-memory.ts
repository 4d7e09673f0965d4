import { readFileSync } from 'node:fs';

/** Memory of a process in bytes. */
export interface ProcessMemory {
  /** In physical memory now: `VmRSS`. */
  readonly resident: number;
  /** The part of it that is the process's own: `RssAnon`. The rest are pages of files, which the system can drop. */
  readonly anonymous: number;
  /** The most that was ever resident: `VmHWM`. */
  readonly peak: number;
}

/** Memory of a process, or null where it is gone or the system has no /proc. */
export function processMemory(pid: number | undefined): ProcessMemory | null {
  if (pid === undefined) return null;
  try {
    return parseStatus(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return null;
  }
}

function parseStatus(status: string): ProcessMemory | null {
  const bytes = (field: string) => {
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  };
  const [resident, anonymous, peak] = [bytes('VmRSS'), bytes('RssAnon'), bytes('VmHWM')];
  // A process that has just ended still has a status, without memory.
  if (resident === undefined || anonymous === undefined || peak === undefined) return null;
  return { resident, anonymous, peak };
}
