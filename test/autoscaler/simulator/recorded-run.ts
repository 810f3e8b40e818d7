/** A run over a modelled VMM and guest, with the result folder of a live one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { SERVICE } from '../../../agent/api/service.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import type { RungStatus } from '../../../agent/model/pool-messages.ts';
import { NO_RECORD } from '../../../agent/model/records.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { emulated } from '../../../agent/model/work.ts';
import { AUTOSCALER_POLICIES } from '../../../autoscaler/policy/registry.ts';
import { decisionLine, eventLine } from '../../../autoscaler/results/run-time.ts';
import { ResultWriter } from '../../../autoscaler/results/writer.ts';
import { seededRandom } from '../../../base/random.ts';
import { MIB } from '../../../base/units.ts';
import { specOf, WORK } from '../../agent/core/world.ts';
import { type FakeHost, fakeHost } from '../../fakes/host.ts';
import { healthyRun } from '../made-run.ts';

const POLICIES = new Map(AUTOSCALER_POLICIES.map((policy) => [policy.name, policy]));

const MECHANISM = 'virtio-mem';
export interface Recorded {
  readonly folder: string;
  readonly decisions: number;
  /** What the agent told of its rungs before it removed them, by their names. */
  readonly rungs: readonly RungStatus[];
}

/** Two functions on a host too small for both at their peak, with random calls and pauses. */
export async function record(
  t: ExecutionContext,
  policy: Policy,
  seed: number,
  part: Partial<FunctionSpec> = {},
): Promise<Recorded> {
  const folder = join(mkdtempSync(join(tmpdir(), 'hotplane-test-')), 'out');
  t.teardown(() => rmSync(join(folder, '..'), { recursive: true, force: true }));
  const random = seededRandom(seed);
  const { clock, agent } = fakeHost({}, 1_100 * MIB, {}, policy, { policies: POLICIES });
  const watch = agent.watch({ records: ['decision', 'event'] });
  const names = ['f', 'g'];
  for (const name of names) {
    await clock.until(
      agent.deploy(specOf(name, { mechanism: MECHANISM, concurrency: 3, ...part })),
    );
  }
  const start_ms = clock.nowMs() + 0.1234567;
  await clock.advance(1);
  const calls: Promise<unknown>[] = [];
  for (let call = 0; call < 40; call += 1) {
    const name = names[Number(random() < 0.3)] ?? 'f';
    calls.push(agent.invoke(name, `call ${call}`, emulated(WORK)));
    await clock.advance(Math.floor(random() * (call % 10 === 9 ? 3_000 : 60)));
  }
  await clock.until(Promise.all(calls));
  const rungs = await rungsOf(agent, clock);
  // They are removed after it, as those of a replay are.
  const window_ms = clock.nowMs() - start_ms;
  for (const name of names) await clock.until(agent.remove(name));
  agent.close();
  const writer = new ResultWriter(folder);
  const { manifest } = healthyRun([MECHANISM]);
  const mechanisms = manifest.mechanisms.map((one) => ({ ...one, clock_start_ms: start_ms }));
  writer.manifest({ ...manifest, mechanisms, window: { ...manifest.window, window_ms } });
  let decisions = 0;
  const origin = { mechanism: MECHANISM, start_ms };
  for await (const told of watch) {
    const sent = SERVICE.Watch.encodeResponse({ ...NO_RECORD, ...told });
    const { decision, event } = SERVICE.Watch.decodeResponse(sent);
    if (event) writer.event(eventLine(event, origin));
    if (!decision) continue;
    writer.decision(decisionLine(decision, origin));
    decisions += 1;
  }
  writer.close();
  return { folder, decisions, rungs };
}

/** Of all functions. */
async function rungsOf(agent: FakeHost['agent'], clock: FakeHost['clock']): Promise<RungStatus[]> {
  const { functions } = await clock.until(agent.status(''));
  return functions.flatMap(({ rungs }) => rungs);
}
