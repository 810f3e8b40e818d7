/**
 * A real VMM yields the CPU while its guest gives back memory that nobody waits for, and runs as
 * others do before and after: by the kernel's word of its session.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { DEFAULT_QUEUE } from '../../agent/model/operation-queue.ts';
import { emulated } from '../../agent/model/work.ts';
import { whyNoYield } from '../../agent/pressure/cpu-yield.ts';
import { hostClock } from '../../base/clock.ts';
import { GIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { specOf } from './core/world.ts';
import { realAgent } from './real-agent.ts';

const WORK = emulated({ anonymous_bytes: 400 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 0 });
const DEADLINE_MS = 120_000;

const withWay = whyNoYield(null) === null ? test.serial : test.serial.skip;

withWay('hotmem: a VMM yields for as long as it only gives memory back', async (t) => {
  t.timeout(600_000);
  const agent = await realAgent(t, 2 * GIB, { queue: { ...DEFAULT_QUEUE, yields: true } });
  const part = { limit_bytes: 512 * MIB, concurrency: 1, keep_alive_ms: 300 };
  await agent.deploy(specOf('f', { mechanism: 'hotmem', ...part }));
  const pid = [...agent.state.vms.values()][0]?.facts?.vmm_pid;
  const nice = (): number =>
    Number(/ nice (-?\d+)\n$/.exec(readFileSync(`/proc/${pid}/autogroup`, 'utf8'))?.[1]);

  // A change is told before it is done: what was decided before it has been.
  const seen: { yields: boolean; nice: number }[] = [];
  let yields = false;
  const end = agent.changes.listen(({ state }) => {
    seen.push({ yields, nice: nice() });
    yields = state.queue.yielding.length > 0;
  });
  t.teardown(end);
  for (const id of ['1', '2']) {
    t.is((await agent.invoke('f', id, WORK)).outcome, 'done');
    t.is(nice(), 0, 'a call is never behind others');
    const is_back = (): true | null => {
      const [vm] = agent.state.vms.values();
      return vm?.regions.every(({ permit_bytes }) => permit_bytes === 0) ? true : null;
    };
    t.true(await waitFor(is_back, { clock: hostClock, deadline_ms: DEADLINE_MS }));
    t.is(nice(), 0);
  }
  t.true(seen.some((one) => one.yields));
  t.deepEqual(
    seen.filter((one) => one.nice !== (one.yields ? 19 : 0)),
    [],
    `of ${seen.length} changes`,
  );
});
