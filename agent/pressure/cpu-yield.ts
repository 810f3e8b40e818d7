/**
 * A VMM that runs behind all else on the host, and as before again. Two ways: the `cpu.idle` of a
 * cgroup of its own, else the autogroup of its session.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { errnoOf } from '../../base/system-error.ts';
import {
  hasAutogroups,
  leadsSession,
  readAutogroupNice,
  setAutogroupNice,
  textOr,
} from './autogroup.ts';

/** A VMM by its process, and the cgroup that is its own; absent: it has none. */
export interface YieldingProcess {
  readonly pid: number;
  readonly pid_start_ticks: number;
  readonly cgroup?: string;
}

export interface CpuYieldParts {
  readonly vmm: YieldingProcess;
  readonly clock: Clock;
  /** Told once, for people: it does not yield from then on. */
  readonly onFailure: (why: string) => void;
  readonly proc?: string;
}

const LOW = 19;
const NORMAL = 0;
/** The kernel takes ten changes of autogroups a second, from all who may not administer it. */
const AGAIN_MS = 10;
const ATTEMPTS = 100;
/** Of `CapEff`: CAP_SYS_ADMIN, for whom that bound does not hold. */
const ADMIN_BIT = 21n;

/**
 * Why VMMs of this host cannot yield, for people; null: they can. `cgroup_root`: the folder in
 * which each has a group; null: they have none.
 */
export function whyNoYield(cgroup_root: string | null, proc = '/proc'): string | null {
  if (cgroup_root !== null) {
    const passed = textOr(join(cgroup_root, 'cgroup.subtree_control')).trim().split(/\s+/);
    if (passed.includes('cpu')) return null;
  }
  if (!hasAutogroups(proc)) {
    return 'the kernel has no autogroups, or they are off, and VMs have no cpu.idle of their own';
  }
  const [, effective = '0'] =
    /^CapEff:\s*([0-9a-f]+)$/m.exec(textOr(join(proc, 'self/status'))) ?? [];
  if ((BigInt(`0x${effective}`) >> ADMIN_BIT) & 1n) return null;
  return 'without CAP_SYS_ADMIN autogroups change ten times a second at most';
}

/** Has a VMM run as others do, whatever an earlier agent had asked of it. Never throws. */
export function endYield(vmm: YieldingProcess, proc = '/proc'): void {
  try {
    const idle = idlePath(vmm);
    if (idle !== null && textOr(idle).trim() === '1') writeFileSync(idle, '0');
    if (!leads(vmm, proc) || readAutogroupNice(vmm.pid, proc) !== LOW) return;
    setAutogroupNice(vmm.pid, NORMAL, proc);
  } catch {
    // It runs, if slowly; there is nobody to be told yet.
  }
}

export class CpuYield {
  readonly #parts: CpuYieldParts;
  readonly #proc: string;
  #yields = false;
  #is_off = false;
  #callOff: () => void = () => undefined;

  constructor(parts: CpuYieldParts) {
    this.#parts = parts;
    this.#proc = parts.proc ?? '/proc';
  }

  /** Done when it returns, but for a bound of the kernel, which is waited for. Never throws. */
  set(yields: boolean): void {
    if (yields === this.#yields || (yields && this.#is_off)) return;
    this.#callOff();
    this.#yields = yields;
    this.#write(ATTEMPTS);
  }

  #write(attempts: number): void {
    try {
      this.#put(this.#yields);
    } catch (error) {
      const errno = errnoOf(error);
      // It has ended meanwhile.
      if (errno === 'ESRCH' || errno === 'ENOENT' || errno === 'ENODEV') return;
      const is_bound = errno === 'EAGAIN';
      // To yield is a courtesy: it is given up at once. The way back is not.
      if (this.#yields) this.#yields = false;
      else if (is_bound && attempts > 1) {
        this.#callOff = this.#parts.clock.timer(AGAIN_MS, () => this.#write(attempts - 1));
      }
      if (this.#is_off) return;
      this.#is_off = true;
      this.#parts.onFailure(
        is_bound ? 'the kernel bounds how often it is asked' : messageOf(error),
      );
    }
  }

  #put(yields: boolean): void {
    const { vmm } = this.#parts;
    const idle = idlePath(vmm);
    if (idle !== null) return writeFileSync(idle, yields ? '1' : '0');
    // Of a session that is not its own others would be slowed down, too.
    if (!leads(vmm, this.#proc)) return;
    setAutogroupNice(vmm.pid, yields ? LOW : NORMAL, this.#proc);
  }
}

/** Null: it has no group of its own that can be idle. */
function idlePath({ cgroup }: YieldingProcess): string | null {
  const path = cgroup === undefined ? null : join(cgroup, 'cpu.idle');
  return path !== null && existsSync(path) ? path : null;
}

const leads = ({ pid, pid_start_ticks }: YieldingProcess, proc: string): boolean =>
  leadsSession(pid, proc, pid_start_ticks);
