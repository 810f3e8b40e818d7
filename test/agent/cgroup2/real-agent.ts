/** `hotplane agent` as a process in a cgroup of its own, and what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { AgentClient } from '../../../agent/api/client.ts';
import type { DeployResponse } from '../../../agent/model/messages.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { hostClock } from '../../../base/clock.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { codeOf } from '../../../base/system-error.ts';
import { waitFor } from '../../../base/wait.ts';
import { AGENT, VMS } from './groups.ts';

const DEADLINE_MS = 1_500_000;
/** Levels of pressure begin at 400, 300, 200 and 100 MiB. */
const HOST_KEEP = '400MiB';
const DEPLOYS_MAX = 10;
const FOLDER = '/run/hotplane-test';

export class RealAgent {
  readonly client = new AgentClient(join(FOLDER, 'a.sock'));
  readonly #child: ChildProcess;
  #said = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#said += chunk.toString()));
    }
  }

  /** `qemu`: the program that it takes for QEMU; `images`: finished ones of guests. */
  static async start(qemu: string, images: string): Promise<RealAgent> {
    const options = {
      socket: join(FOLDER, 'a.sock'),
      'state-dir': join(FOLDER, 'state'),
      vmm: 'qemu',
      mechanisms: 'hotmem',
      cgroup: VMS,
      qemu,
      images,
      'host-keep': HOST_KEEP,
    };
    const words = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const main = join(PROJECT_ROOT, 'cli/main.ts');
    // A process moves itself before it is the agent, as systemd does it.
    const script = `echo $$ > ${AGENT}/cgroup.procs && exec "$@"`;
    const child = spawn('sh', ['-c', script, 'sh', process.execPath, main, 'agent', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOTPLANE_RUNTIME_DIR: FOLDER },
    });
    const agent = new RealAgent(child);
    const up = (): true | null =>
      agent.#said.includes('serving on') || child.exitCode !== null ? true : null;
    await waitFor(up, { clock: hostClock, deadline_ms: DEADLINE_MS });
    if (agent.#said.includes('serving on')) return agent;
    throw new Error(`the agent does not serve: ${agent.#said}`);
  }

  /** Again, where an emulated guest takes longer to say hello than any real one may. */
  async deploy(spec: FunctionSpec): Promise<DeployResponse> {
    for (let left = DEPLOYS_MAX - 1; ; left -= 1) {
      try {
        return await this.client.deploy(spec);
      } catch (error) {
        if (left === 0 || codeOf(error) !== 'HP_GUEST_NO_HELLO') throw error;
      }
    }
  }

  /** What it has said, stdout and log. */
  get said(): string {
    return this.#said;
  }

  /** Levels of pressure in the order in which they began. */
  get levels(): readonly string[] {
    return [...this.#said.matchAll(/memory pressure '(\w+)'/g)].map(([, level = '']) => level);
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
    this.client.close();
  }
}
