/** Spans in real guests: memory that is opened, touched and given back while its call goes on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { prepareImages } from '../../agent/executor/built-images.ts';
import { HostAgent } from '../../agent/executor/host-agent.ts';
import type { Operation } from '../../agent/model/records.ts';
import type { FunctionSpec } from '../../agent/model/spec.ts';
import type { VmState } from '../../agent/model/state.ts';
import { emulated, type Work } from '../../agent/model/work.ts';
import { hostClock } from '../../base/clock.ts';
import { silentProgress } from '../../base/progress.ts';
import { GIB, MIB } from '../../base/units.ts';
import { openHypervisor } from '../../hypervisor-client/index.ts';
import { specOf } from './core/world.ts';
import { heardFunction } from './heard.ts';
import { pending } from './pending.ts';
import { recorded } from './recorded.ts';
import { SERIES_REVISION } from '../series-revision.ts';

/** The first revision of the series that has spans. */
const REVISION = 9;
const onSpanKernel = SERIES_REVISION >= REVISION ? test.serial : test.serial.skip;
const TIMES = 20;
/** Of a call that would hold its span for longer: after that its instance is killed. */
const KILLED_AFTER_MS = 20_000;
const SPAN_BYTES = 64 * MIB;
const NOTHING = { anonymous_bytes: 4 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };

interface Spanned {
  readonly agent: HostAgent;
  readonly operations: Operation[];
  readonly call: (name: string, work: Partial<Work>) => ReturnType<HostAgent['invoke']>;
}

async function withSpans(
  t: ExecutionContext,
  part: Partial<FunctionSpec>,
  use: (host: Spanned) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-spans-'));
  const log = pino({ level: 'error' });
  const { signal } = new AbortController();
  const mechanisms = [part.mechanism ?? 'hotmem'];
  const how = { mechanisms, guest_kernel: 'series', progress: silentProgress } as const;
  const agent = new HostAgent({
    clock: hostClock,
    hypervisor: await openHypervisor('qemu'),
    images: await prepareImages({ ...how, signal, log }),
    log,
    host_limit_bytes: 4 * GIB,
    vms_dir: folder,
    version: 'test',
  });
  const operations: Operation[] = [];
  const watch = agent.watch({ records: ['operation'] });
  const reading = (async () => {
    for await (const { operation } of watch) if (operation) operations.push(operation);
  })();
  const about = { mechanism: 'hotmem', concurrency: 1, keep_alive_ms: 60_000 };
  const spans = [{ name: 'data', max_bytes: 2 * SPAN_BYTES, host_node: null }];
  try {
    await agent.deploy(specOf('f', { ...about, spans, ...part }));
    await use({
      agent,
      operations,
      call: (name, work) => agent.invoke('f', name, emulated({ ...NOTHING, ...work })),
    });
  } finally {
    await agent.stop(0);
    await reading;
    await rm(folder, { recursive: true });
  }
  t.pass();
}

const span = (part: Partial<NonNullable<Work['spans']>[number]> = {}) => ({
  span: 'data',
  at_ms: 0,
  bytes: SPAN_BYTES,
  touch_bytes: SPAN_BYTES,
  hold_ms: 0,
  times: 1,
  ...part,
});

const MIB_TEXT = (bytes: number | null): string =>
  bytes === null ? '?' : `${Math.round(bytes / MIB)}`;

onSpanKernel(
  `hotmem: a span is opened, touched and given back ${TIMES} times in a call`,
  async (t) => {
    await withSpans(t, {}, async ({ agent, operations, call }) => {
      const reply = await call('one', { spans: [span({ times: TIMES })] });
      t.like(reply, { outcome: 'done', failure: null });
      const all = () => operations;
      const closed = await recorded(all, TIMES, ({ cause }) => cause === 'close');
      const opened = await recorded(all, TIMES, ({ cause }) => cause === 'open');
      t.deepEqual([opened.length, closed.length], [TIMES, TIMES]);
      for (const { resident_before_bytes } of opened) {
        t.is(resident_before_bytes, null, 'who waits does not wait for a look at the host');
      }
      for (const one of [...opened, ...closed]) {
        t.like(one, { outcome: 'done', error_code: null, region_id: 'r1', span: 'data' });
        t.is(one.instance_id, opened[0]?.instance_id ?? '');
      }
      for (const { plugged_bytes, resident_bytes, resident_before_bytes } of closed) {
        t.deepEqual([plugged_bytes, resident_bytes], [0, 0], 'host resident is back');
        t.true((resident_before_bytes ?? 0) >= SPAN_BYTES, 'it was all touched before');
      }
      t.is(operations.filter(({ cause }) => cause === 'stop').length, 0, 'the instance runs on');
      const status = await heardFunction(agent, 'f');
      t.like(status, { pages_migrated: 0, oom_kills: 0 });
      t.like(status.spans, { opened: TIMES, denied: 0, open: 0, plugged_bytes: 0 });
      t.true((status.spans?.held_gib_s ?? 0) > 0);
      const walls = closed.map(({ resident_before_bytes }) => resident_before_bytes);
      t.log(`resident before each close, MiB: ${walls.map(MIB_TEXT).join(' ')}`);
      t.like(await call('two', { spans: [span()] }), { outcome: 'done', cold: false });
    });
  },
);

onSpanKernel(
  'hotmem: what is too large, unknown or not there is told to the program',
  async (t) => {
    await withSpans(t, {}, async ({ agent, operations, call }) => {
      const large = await call('large', { spans: [span({ bytes: GIB, touch_bytes: 0 })] });
      t.regex(large.failure?.message ?? '', /HP_AGENT_SPAN_DENIED.*more than its 128 MiB/);
      const unknown = await call('unknown', { spans: [span({ span: 'other' })] });
      t.regex(unknown.failure?.message ?? '', /no span 'other'/);
      t.is(operations.filter(({ cause }) => cause === 'open').length, 0, 'nothing was plugged');
      const status = await heardFunction(agent, 'f');
      t.like(status.spans, { opened: 0, denied: 2, last_denied_span: 'other', held_gib_s: 0 });
    });
  },
);

onSpanKernel('hotmem: a process that ends with a span open leaves nothing of it', async (t) => {
  await withSpans(t, {}, async ({ agent, operations, call }) => {
    // Its time is for the span alone, however long a start takes.
    t.like(await call('first', {}), { outcome: 'done', cold: true });
    const held = emulated({ ...NOTHING, spans: [span({ hold_ms: 600_000 })] });
    const how = { ...held, timeout_ms: KILLED_AFTER_MS };
    const killed = pending(agent.invoke('f', 'killed', how));
    const until = async (cause: Operation['cause']): Promise<Operation | undefined> => {
      const isIt = (one: Operation): boolean => one.cause === cause;
      const [found] = await recorded(() => operations, 1, isIt);
      return found;
    };
    const opened = await until('open');
    const vm = (): VmState | undefined => [...agent.state.vms.values()][0];
    t.is(vm()?.regions[1]?.holder, `${opened?.instance_id}/data`);
    t.is((await killed).outcome, 'failed');
    const closed = await until('close');
    t.like(closed, { outcome: 'done', plugged_bytes: 0, resident_bytes: 0, span: 'data' });
    t.true((closed?.resident_before_bytes ?? 0) >= SPAN_BYTES, 'it was open and touched');
    const { pages_migrated } = await heardFunction(agent, 'f');
    t.is(pages_migrated, 0);
    t.like(await call('next', { spans: [span()] }), { outcome: 'done' });
    t.is(vm()?.id, opened?.vm_id, 'in the same VM');
  });
});
