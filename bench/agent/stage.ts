/** What the bench stands on: the agent and its peer as processes, and a connection to both. */
import { PLAIN_SPEC } from '../../agent/model/spec.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { AgentClient, type FunctionSpec } from '../../agent/api/client.ts';
import { MIB } from '../../base/units.ts';
import { agentBenchBroken } from './errors.ts';
import { Child } from './child.ts';
import type { Usage } from './child-messages.ts';

const WEEK_MS = 7 * 24 * 3_600_000;

export class AgentStage {
  readonly agent: Child;
  readonly peer: Child;
  readonly client: AgentClient;
  readonly echo_client: Client;
  /** The agent's HTTP, of which nobody else can ask. */
  readonly http_path: string;
  readonly #folder: string;

  private constructor(folder: string, agent: Child, peer: Child) {
    this.#folder = folder;
    this.agent = agent;
    this.peer = peer;
    const { agent_path, echo_path, http_path } = pathsOf(folder);
    this.http_path = http_path;
    this.client = new AgentClient(agent_path);
    this.echo_client = new Client(`unix:${echo_path}`, credentials.createInsecure());
  }

  /**
   * `with_ledger`: the agent records what moves memory. Throws HP_BENCH_AGENT when a process does
   * not come up, with nothing left behind.
   */
  static async open(with_ledger = false): Promise<AgentStage> {
    const folder = await mkdtemp(join(tmpdir(), 'hp-bench-'));
    const { agent_path, echo_path, guests_path, http_path } = pathsOf(folder);
    let peer: Child | null = null;
    try {
      peer = await Child.start('peer-process', [guests_path, echo_path]);
      const recording = with_ledger ? ['ledger'] : [];
      const paths = [agent_path, guests_path, http_path];
      const agent = await Child.start('agent-process', [...paths, ...recording]);
      return new AgentStage(folder, agent, peer);
    } catch (error) {
      await peer?.stop();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Of the live state. */
  get live_url(): string {
    return `ws+unix://${this.http_path}:/live`;
  }

  deploy(name: string, regions: number, keep_warm: boolean): Promise<unknown> {
    const spec: FunctionSpec = {
      name,
      mechanism: 'hotmem',
      limit_bytes: 128 * MIB,
      concurrency: regions,
      vcpus: 1,
      boot_bytes: 128 * MIB,
      keep_alive_ms: keep_warm ? WEEK_MS : 0,
      ...PLAIN_SPEC,
    };
    return this.client.deploy(spec);
  }

  /**
   * Throws HP_BENCH_AGENT when the agent has logged an error: its figures are of something else.
   */
  async agentUsage(collect = false): Promise<Usage> {
    const usage = await this.agent.usage(collect);
    if (usage.errors === 0) return usage;
    throw agentBenchBroken(`the agent logged ${usage.errors} errors: ${usage.first_error}`);
  }

  /** Ends both processes and removes their folder. */
  async close(): Promise<void> {
    this.client.close();
    this.echo_client.close();
    await this.agent.stop();
    await this.peer.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function pathsOf(folder: string) {
  const at = (name: string): string => join(folder, name);
  return {
    agent_path: at('a.sock'),
    echo_path: at('e.sock'),
    guests_path: at('g.sock'),
    http_path: at('h.sock'),
  };
}
