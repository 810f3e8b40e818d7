/** What real VMs leave to others on the same CPUs while they play. */
import type { AgentClient } from '../../agent/api/client.ts';
import { LoopLag } from '../loop-lag.ts';
import { readThreadTime, type ThreadTime } from '../thread-time.ts';
import type { BesideVms } from './records.ts';

export class BesideWatch {
  readonly #lag = new LoopLag();
  readonly #pid: number;
  readonly #before: ThreadTime | null;

  private constructor(pid: number) {
    this.#pid = pid;
    this.#before = readThreadTime(pid);
  }

  static async begin(api: Pick<AgentClient, 'status'>): Promise<BesideWatch> {
    return new BesideWatch((await api.status()).pid);
  }

  end(): BesideVms {
    const idle_lag_ms = this.#lag.read();
    this.#lag.close();
    const after = readThreadTime(this.#pid);
    const [before, is_known] = [this.#before, this.#before !== null && after !== null];
    return {
      idle_lag_ms,
      agent_ran_ms: is_known ? (after?.ran_ms ?? 0) - (before?.ran_ms ?? 0) : null,
      agent_starved_ms: is_known ? (after?.starved_ms ?? 0) - (before?.starved_ms ?? 0) : null,
    };
  }
}
