/** CPU time and peak memory of a process and all it started, from Linux's `/proc`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Clock ticks per second of `/proc/<pid>/stat` on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds (user and system) that a process, its living descendants and its waited-for children have used. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const member of family(pid)) {
    const fields = statFields(member);
    // After the name: state is field 0, so utime, stime, cutime and cstime (proc(5): 14–17) are 11–14.
    for (let i = 11; i <= 14; i += 1) ticks += Number(fields?.[i] ?? 0);
  }
  return ticks / TICKS_PER_SECOND;
}

/** CPU seconds of the children that this process has waited for. */
export function endedChildrenCpuSeconds(): number {
  const fields = statFields(process.pid);
  return (Number(fields?.[13] ?? 0) + Number(fields?.[14] ?? 0)) / TICKS_PER_SECOND;
}

/** Sum of the peak resident sizes (`VmHWM`) of a process and its descendants, in MiB. */
export function peakMiB(pid: number): number {
  return sumStatus(pid, "VmHWM");
}

/** Sum of the resident sizes (`VmRSS`) of a process and its descendants, in MiB. */
export function residentMiB(pid: number): number {
  return sumStatus(pid, "VmRSS");
}

/** Sets the peak back to what is resident now (proc(5), `clear_refs`). False where the kernel refuses; the peak is then the one since start. */
export function resetPeak(pid: number): boolean {
  try {
    for (const member of family(pid)) writeFileSync(`/proc/${member}/clear_refs`, "5");
    return true;
  } catch {
    return false;
  }
}

function family(pid: number): readonly number[] {
  const parentOf = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = statFields(Number(name))?.[1];
    if (parent !== undefined) parentOf.set(Number(name), Number(parent));
  }
  const members = [pid];
  for (const member of members) {
    for (const [child, parent] of parentOf) if (parent === member) members.push(child);
  }
  return members;
}

/** The fields of `/proc/<pid>/stat` after the command's name, which may hold blanks and parentheses; undefined when the process is gone. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function sumStatus(pid: number, field: string): number {
  let kib = 0;
  for (const member of family(pid)) {
    try {
      const line = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${member}/status`, "latin1"));
      kib += Number(line?.[1] ?? 0);
    } catch {
      // It ended between the two looks.
    }
  }
  return kib / 1024;
}
