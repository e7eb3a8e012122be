/** What a process has used, as Linux tells. Source: proc(5), `/proc/PID/stat` and `/proc/PID/status`. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Since the process began. */
export interface ProcessUsage {
  /** Of all its threads, in user and in kernel mode. */
  readonly cpuSeconds: number;
  /** The most that was resident at a time. */
  readonly peakBytes: number;
}

/** Places of `utime` and `stime` behind the name of the program, which stands in parentheses and may hold anything. */
const UTIME = 11;
const STIME = 12;
const KIB = 1024;

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Of a process that runs. */
export function readUsage(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const peakKib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (peakKib === undefined) throw new TypeError(`process ${pid} does not tell its peak memory`);
  const ticks = Number(fields[UTIME]) + Number(fields[STIME]);
  return { cpuSeconds: ticks / ticksPerSecond, peakBytes: Number(peakKib) * KIB };
}
