/** An agent with a page, whose functions have elastic memory and named spans; one each is open. */
import type { ExecutionContext } from 'ava';
import { emulated, type Work } from '../../../agent/model/work.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { specOf, WORK } from '../core/world.ts';
import { agentWithPage, type BusyAgent } from './busy-agent.ts';

const STAYS_MS = 600_000;
const SHAPE = {
  mechanism: 'hotmem',
  limit_bytes: 512 * MIB,
  concurrency: 2,
  keep_alive_ms: STAYS_MS,
  spans: [{ name: 'data', max_bytes: 256 * MIB, host_node: null }],
  memory: {
    baseline_bytes: 128 * MIB,
    increment_bytes: 64 * MIB,
    history: false,
    grow_wait_ms: 5_000,
    expression: null,
  },
} as const;
/** A sleep of the guest, which its test waits for at its end: longer than a look takes. */
const HOLDS_MS = 8_000;
/** Grows at once, and then has its span open. */
const WORKS: Work = {
  ...WORK,
  wall_ms: 10,
  phases: [{ at_ms: 1, anonymous_bytes: 300 * MIB }],
  spans: [
    { span: 'data', at_ms: 1, bytes: 256 * MIB, touch_bytes: 0, hold_ms: HOLDS_MS, times: 1 },
  ],
};

/** `many` functions `train-N` with a call each that goes on; also a function of one size. */
export async function elasticAgent(
  t: Pick<ExecutionContext, 'teardown'>,
  many: number,
): Promise<BusyAgent> {
  const host = await agentWithPage(t, 4 * many * GIB, { policy: HISTORY_POLICY });
  await host.client.deploy(specOf('plain'));
  const names = Array.from({ length: many }, (_, index) => `train-${index}`);
  await Promise.all(names.map((name) => host.client.deploy(specOf(name, SHAPE))));
  for (const name of names) {
    // It is answered when the agent is stopped.
    void host.agent.invoke(name, name, emulated(WORKS)).catch(() => undefined);
  }
  const isThere = async (): Promise<true | null> => {
    const { functions } = await host.client.status();
    const grown = functions.filter(({ memory, spans }) => memory?.growths && spans?.opened);
    return grown.length === many ? true : null;
  };
  await waitFor(isThere, { clock: hostClock, deadline_ms: 60_000, longest_pause_ms: 100 });
  return host;
}
