/**
 * A hog beside the agent, under one limit with it: it takes memory in steps until the agent is at
 * its last level, then lets go of all. Its memory is a file in memory, which no kernel can drop.
 */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation } from '../../../agent/model/records.ts';
import { NO_VALUES } from '../../../agent/model/targets.ts';
import { emulated } from '../../../agent/model/work.ts';
import { hostClock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/errors.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { specOf } from '../core/world.ts';
import { availableMib, HOST, limit } from './groups.ts';
import { kernelKills } from './kernel-log.ts';
import type { RealAgent } from './real-agent.ts';
import { tell } from './told.ts';

const HOG_FILE = '/dev/shm/hog';
const STEP_MIB = 32;
/** Its pace; the agent looks at the host more often. */
const STEP_MS = 2_000;
/** It ends by itself, whatever the agent does. */
const STEPS_MAX = 80;
/** What is left to VMs, agent and hog when it begins. */
const ROOM_BYTES = 1_700 * MIB;
const DEADLINE_MS = 600_000;
const HOUR_MS = 3_600_000;
const GROWTHS = 30;
const GROWTH_MS = 15_000;

const touching = (mib: number, wall_ms: number) =>
  emulated({ anonymous_bytes: mib * MIB, file_bytes: 0, cpu_ms: 0, wall_ms });
/** It needs a little more every while. */
const growing = emulated({
  anonymous_bytes: 0,
  file_bytes: 0,
  cpu_ms: 0,
  wall_ms: GROWTHS * GROWTH_MS,
  phases: Array.from({ length: GROWTHS }, (_, at) => {
    return { at_ms: at * GROWTH_MS, anonymous_bytes: (16 + 8 * at) * MIB };
  }),
});

type Call = ReturnType<typeof emulated>;

class Pressing {
  readonly #agent: RealAgent;
  #file = -1;
  #taken_mib = 0;
  readonly #began_ms = hostClock.nowMs();

  constructor(agent: RealAgent) {
    this.#agent = agent;
  }

  get level(): string {
    return this.#agent.levels.at(-1) ?? 'none';
  }

  /** The outcome, or why there is none. */
  async call(name: string, work: Call): Promise<string> {
    return await this.#agent.client
      .invoke({ ...work, function: name, invocation_id: name })
      .then(({ outcome, failure }) => failure?.code ?? outcome, messageOf);
  }

  tell(): void {
    tell({
      what: 'step',
      at_s: Math.round((hostClock.nowMs() - this.#began_ms) / 1_000),
      hog_mib: this.#taken_mib,
      available_mib: availableMib(),
      level: this.level,
    });
  }

  /** Takes until one of the levels has begun. */
  async takeUntil(levels: readonly string[]): Promise<void> {
    if (this.#file < 0) this.#file = openSync(HOG_FILE, 'w');
    const step = Buffer.alloc(STEP_MIB * MIB, 1);
    while (!levels.includes(this.level) && this.#taken_mib < STEPS_MAX * STEP_MIB) {
      writeSync(this.#file, step);
      this.#taken_mib += STEP_MIB;
      await hostClock.sleep(STEP_MS);
      this.tell();
    }
  }

  async letGo(): Promise<void> {
    closeSync(this.#file);
    rmSync(HOG_FILE);
    this.#taken_mib = 0;
    let before = this.level;
    const calm = (): true | null => {
      if (this.level !== before) this.tell();
      before = this.level;
      return before === 'none' ? true : null;
    };
    await waitFor(calm, { clock: hostClock, deadline_ms: DEADLINE_MS });
  }
}

/** Operations that ended, as `kind cause function`, in the order in which they were decided. */
async function operationsOf({ client }: RealAgent): Promise<string[]> {
  const ended: Operation[] = [];
  for await (const { operation } of client.endedOperations()) ended.push(operation);
  return ended
    .toSorted((a, b) => (a.decided_at_ms ?? 0) - (b.decided_at_ms ?? 0))
    .map(({ kind, cause, outcome, function: name }) => `${kind} ${cause} ${name} ${outcome}`);
}

export async function pressure(agent: RealAgent): Promise<void> {
  const { client } = agent;
  const pressing = new Pressing(agent);
  const memory = { baseline_bytes: 32 * MIB, increment_bytes: 8 * MIB, history: false };
  const size = { mechanism: 'hotmem', boot_bytes: 192 * MIB, keep_alive_ms: HOUR_MS } as const;
  await agent.deploy(specOf('late', { ...size, limit_bytes: 64 * MIB }));
  await agent.deploy(
    specOf('grows', {
      ...size,
      limit_bytes: 256 * MIB,
      memory: { ...memory, grow_wait_ms: 5_000, expression: null },
    }),
  );
  await pressing.call('calm', touching(16, 100));
  let busy = '';
  void pressing.call('calm', touching(16, HOUR_MS)).then((how) => (busy = how));
  await pressing.call('calm', touching(24, 100));
  await pressing.call('late', touching(16, 100));
  const grown = pressing.call('grows', growing);
  await client.setTargets({
    function: 'calm',
    values: { ...NO_VALUES, reserve: 1 },
    for_ms: null,
    author: 'test',
    reason: '',
    revision: null,
  });
  const ready = async (): Promise<true | null> =>
    (await operationsOf(agent)).includes('plug pool calm done') ? true : null;
  await waitFor(ready, { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 1_000 });
  const before = (await operationsOf(agent)).length;

  limit(Number(readFileSync(join(HOST, 'memory.current'), 'utf8')) + ROOM_BYTES);
  pressing.tell();
  await pressing.takeUntil(['growth', 'starts']);
  const growth = await grown;
  await pressing.takeUntil(['starts']);
  const start = await pressing.call('calm', touching(16, 100));
  await pressing.letGo();
  const after = await pressing.call('late', touching(16, 100));
  tell({
    what: 'pressed',
    levels: [...agent.levels],
    operations: (await operationsOf(agent)).slice(before),
    growth,
    start,
    busy_done: busy !== '',
    after,
    kernel_kills: kernelKills(),
  });
}
