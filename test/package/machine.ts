/** A machine of the tests' own: systemd in namespaces, over a system that stays as it is. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { assert } from '../../base/assert.ts';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { waitFor } from '../../base/wait.ts';

const SCRIPT = join(PROJECT_ROOT, 'test', 'package', 'machine.sh');
const NAMESPACES = ['--pid', '--mount', '--uts', '--ipc', '--net', '--cgroup'];
const COMMAND_MS = 300_000;
const UP_MS = 300_000;

export class Machine {
  readonly #end: () => Promise<unknown>;
  readonly #work: string;
  readonly #pid: number;

  private constructor(end: () => Promise<unknown>, work: string, pid: number) {
    this.#end = end;
    this.#work = work;
    this.#pid = pid;
  }

  /** `root`: a folder with a whole system, which is only read. */
  static async start(root: string): Promise<Machine> {
    const work = await mkdtemp(join(tmpdir(), 'hotplane-machine-'));
    const words = [...NAMESPACES, '--fork', '--kill-child', '/bin/sh', SCRIPT, root, work];
    const running = execa('unshare', words, { reject: false, stdio: ['ignore', 2, 2] });
    const first = await waitFor(() => childOf(running.pid ?? 0), {
      clock: hostClock,
      deadline_ms: UP_MS,
    });
    assert(first !== null, 'the first process of the machine is there');
    const end = async (): Promise<unknown> => {
      running.kill('SIGKILL');
      return await running;
    };
    const machine = new Machine(end, work, first);
    const is_up = async (): Promise<true | null> => {
      const state = await machine.#enter(['systemctl', 'is-system-running']);
      return /^(running|degraded)/.test(state.stdout) ? true : null;
    };
    const up = await waitFor(is_up, { clock: hostClock, deadline_ms: UP_MS });
    if (up) return machine;
    await machine.stop();
    throw new Error('systemd did not come up');
  }

  /** The place of a file of the machine, seen from outside. */
  path(inside: string): string {
    return join(`/proc/${this.#pid}/root`, inside);
  }

  /** What it printed. Throws where it failed. */
  async run(...words: readonly string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await this.#enter(words);
    if (exitCode === 0) return stdout;
    throw new Error(`${words.join(' ')}: exit code ${exitCode}: ${stdout}${stderr}`);
  }

  async #enter(words: readonly string[]) {
    const target = ['-t', String(this.#pid), '-p', '-m', '-u', '-i', '-n', '-C', '-r', '-w'];
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive' };
    const options = { env, extendEnv: false, reject: false, timeout: COMMAND_MS } as const;
    const { stdout, stderr, exitCode } = await execa('nsenter', [...target, ...words], options);
    return { stdout, stderr, exitCode };
  }

  /** Its first process ends, and with it all the others; nothing of it is left. */
  async stop(): Promise<void> {
    await this.#end();
    await rm(this.#work, { recursive: true, force: true });
  }
}

/** The one child of a process; null: it has none yet. */
function childOf(pid: number): number | null {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
      if (parent === String(pid)) return Number(name);
    } catch {
      continue;
    }
  }
  return null;
}
