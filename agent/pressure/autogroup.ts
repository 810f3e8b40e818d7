/**
 * Autogroups of the kernel's scheduler (sched(7)): each session is one, and its nice value counts
 * against other sessions, for all threads in it together; what a thread's own nice value says
 * counts inside its session alone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether sessions are scheduled as groups here. */
export function hasAutogroups(proc: string): boolean {
  return textOr(join(proc, 'sys/kernel/sched_autogroup_enabled')).trim() === '1';
}

/** Throws what the kernel says: EPERM, EAGAIN (ten times a second), ENOENT for a process gone. */
export function setAutogroupNice(pid: number | 'self', nice: number, proc: string): void {
  writeFileSync(join(proc, `${pid}/autogroup`), String(nice));
}

/** Null: there is none to read. */
export function readAutogroupNice(pid: number | 'self', proc: string): number | null {
  const [, nice] = / nice (-?\d+)\s*$/.exec(textOr(join(proc, `${pid}/autogroup`))) ?? [];
  return nice === undefined ? null : Number(nice);
}

/** Whether a process leads a session of its own; given its begin: whether it is the one meant. */
export function leadsSession(pid: number, proc: string, start_ticks?: number): boolean {
  const text = textOr(join(proc, `${pid}/stat`));
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (start_ticks !== undefined && fields[19] !== String(start_ticks)) return false;
  return fields[3] === String(pid);
}

/** What a file of the kernel says; empty: there is none. */
export function textOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
