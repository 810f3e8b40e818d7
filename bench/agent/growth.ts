/**
 * Growth of instances in use with nothing beside the agent: VMs and guests are models in its own
 * process, so what passes between the guest's word and the request is its own share alone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentClient } from '../../agent/api/client.ts';
import { hostClock } from '../../base/clock.ts';
import type { ElasticOptions } from '../elastic/options.ts';
import { elasticSpecOf, playOrder, playsOf } from '../elastic/plan.ts';
import { runPlay } from '../elastic/play.ts';
import type { AloneGrowths } from '../elastic/records.ts';
import { RecordKeeper } from '../record-keeper.ts';
import { Child } from './child.ts';

const MECHANISM = 'hotmem';
/** Short plays, and all of them more than once: some hundred growths in half a minute. */
const PLAY_MS = 1_500;
const ROUNDS = 3;

/** Throws HP_BENCH_AGENT when the agent does not come up. */
export async function measureGrowthAlone(
  options: ElasticOptions,
  signal: AbortSignal,
): Promise<AloneGrowths> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-bench-'));
  const socket_path = join(folder, 'agent.sock');
  let child: Child | null = null;
  let client: AgentClient | null = null;
  try {
    child = await Child.start('growth-process', [socket_path]);
    client = new AgentClient(socket_path);
    const keeper = new RecordKeeper();
    await keeper.open(client);
    const alike = { ...options, mechanisms: [MECHANISM], play_ms: PLAY_MS, short: false } as const;
    await client.deploy(elasticSpecOf(MECHANISM, alike), { signal });
    const plays = playsOf(alike, []);
    const [first, ...all] = playOrder(plays, { ...alike, rounds: ROUNDS });
    // Of a program that has done it before, as an agent mostly has.
    if (first) await runPlay(client, keeper, first, hostClock, signal);
    await child.usage();
    for (const planned of all) {
      await runPlay(client, keeper, planned, hostClock, signal);
    }
    const { growths = [] } = await child.usage();
    await keeper.close();
    return growths;
  } finally {
    client?.close();
    await child?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
