/** A process of the bench, from outside: started, asked what it has used, ended for certain. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostClock } from '../../base/clock.ts';
import { AGENT_NODE_OPTIONS } from '../../base/paths.ts';
import { LIMITS } from '../../base/limits.ts';
import { BENCH_LIMITS } from '../limits.ts';
import { waitFor } from '../../base/wait.ts';
import { agentBenchBroken } from './errors.ts';
import { newsSchema, type Order, type Usage } from './child-messages.ts';

/** Last bytes of stderr that are quoted when a process ends before it should. */
const STDERR_CHARS = 2_000;

export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #asked = new Map<number, (usage: Usage) => void>();
  #ready = false;
  #said = '';
  #next_id = 1;

  private constructor(name: string, process: ChildProcess) {
    this.#name = name;
    this.#process = process;
    process.on('error', (error) => {
      this.#said += error.message;
    });
    process.stderr?.on('data', (chunk: Buffer) => {
      this.#said = `${this.#said}${chunk.toString('utf8')}`.slice(-STDERR_CHARS);
    });
    process.on('message', (message) => this.#take(message));
  }

  /** Runs the program `name` of this folder. Throws HP_BENCH_AGENT when it does not come up. */
  static async start(name: string, parameters: readonly string[]): Promise<Child> {
    const program = new URL(`./${name}${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
    const options = {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'] as ['ignore', 'ignore', 'pipe', 'ipc'],
      // As agents run.
      execArgv: [...process.execArgv, ...AGENT_NODE_OPTIONS],
    };
    const child = new Child(name, fork(program, parameters, options));
    const deadline_ms = LIMITS.agent_start_ms;
    const up = () => (child.#ready || child.hasEnded ? true : null);
    await waitFor(up, { clock: hostClock, deadline_ms });
    if (child.#ready) return child;
    await child.stop();
    throw agentBenchBroken(`the process ${name} did not come up. ${child.#said}`);
  }

  get hasEnded(): boolean {
    const { exitCode, signalCode, pid } = this.#process;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }

  /**
   * Since the process began; how late its loop was since the last call. `collect`: after it has let
   * go of all garbage.
   */
  async usage(collect = false): Promise<Usage> {
    const id = this.#next_id;
    this.#next_id += 1;
    let usage: Usage | null = null;
    this.#asked.set(id, (told) => {
      usage = told;
    });
    this.#send({ type: 'usage', id, collect });
    const deadline_ms = BENCH_LIMITS.agent_usage_ms;
    const found = await waitFor(() => usage ?? (this.hasEnded ? 'ended' : null), {
      clock: hostClock,
      deadline_ms,
    });
    this.#asked.delete(id);
    if (found !== null && found !== 'ended') return found;
    throw agentBenchBroken(`the process ${this.#name} does not answer. ${this.#said}`);
  }

  /** In order, and by force when it takes too long. Idempotent. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.#process, 'exit');
    this.#send({ type: 'stop' });
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), LIMITS.agent_stop_ms);
    await ended;
    clearTimeout(timer);
  }

  #send(order: Order): void {
    if (this.#process.connected) this.#process.send(order, () => undefined);
  }

  #take(message: unknown): void {
    const { data: news } = newsSchema.safeParse(message);
    if (news?.type === 'ready') this.#ready = true;
    if (news?.type === 'usage') this.#asked.get(news.id)?.(news.usage);
  }
}
