/**
 * Goal: starts that are sized by what the extractor says of their payloads take what they need, and
 * no call is killed for it.
 * Method: functions in Python and NumPy in real VMs, each call cold; the peak is what the guest's
 * kernel counts in the partition. `base` is measured by the first call of each.
 */
import test, { type ExecutionContext } from 'ava';
import type { MemoryStep } from '../../agent/model/records.ts';
import { HISTORY_POLICY } from '../../autoscaler/policy/history.ts';
import { manifestBlock } from '../../autoscaler/mux/report.ts';
import { extractSource } from '../../autoscaler/mux/source.ts';
import { hostClock } from '../../base/clock.ts';
import { GIB, MIB } from '../../base/units.ts';
import { gibSeconds } from '../../bench/elastic/figures.ts';
import { type FunctionHost, functionHost } from './function-host.ts';

interface Measured {
  readonly name: string;
  readonly runtime: 'python3' | 'python3-numpy';
  readonly source: string;
  readonly sizes: readonly number[];
}

const handler = (...lines: readonly string[]): string =>
  ['def handler(event, context=None):', '    n = event["n"]', ...lines.map((one) => `    ${one}`)]
    .join('\n')
    .concat('\n');

const FUNCTIONS: readonly Measured[] = [
  {
    name: 'standardise',
    runtime: 'python3-numpy',
    source: `import numpy as np\n${handler('x = np.random.rand(n, 64)', 'y = x - 0.5', 'z = y * y', 'return {"n": n}')}`,
    sizes: [20_000, 40_000, 60_000, 80_000, 100_000],
  },
  {
    name: 'matmul',
    runtime: 'python3-numpy',
    source: `import numpy as np\n${handler('a = np.random.rand(n, n)', 'b = np.random.rand(n, n)', 'c = np.matmul(a, b)', 'return {"n": n}')}`,
    sizes: [200, 400, 500, 600, 700],
  },
  {
    name: 'samples',
    runtime: 'python3',
    source: `import random\n${handler('a = [random.random() for _ in range(n)]', 'a.sort()', 'return {"n": n}')}`,
    sizes: [100_000, 200_000, 300_000, 400_000, 500_000],
  },
];
const MEMORY = '256MiB';
/** Of one call, on a host that is too busy to tell its peak. */
const TRIES = 5;
/** Small calls with a large one now and then, of `samples`. */
const BIMODAL = [20_000, 20_000, 500_000, 20_000];

const median = (all: readonly number[]): number =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const inMib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

function blockOf({ name, source }: Measured, base_bytes: number, most: number): string {
  const extraction = extractSource(`${name}.py`, source, { model: null, entry: null });
  const block = manifestBlock(extraction) ?? '';
  return block
    .replace('n: "/n"', `n: { pointer: /n, min: 1, max: ${most} }`)
    .replace(
      '  expression:',
      `  max: ${MEMORY}\n  baseline: 16MiB\n  increment: 16MiB\n  expression:`,
    )
    .concat(`    base: ${base_bytes}\n`);
}

async function deploy(
  host: FunctionHost,
  fn: Measured,
  name: string,
  memory: string,
): Promise<void> {
  const parts = [`name: ${name}`, `runtime: ${fn.runtime}`, 'handler: f.handler'];
  const rest = ['mechanism: hotmem', 'concurrency: 1', 'keep_alive: 1h', memory];
  const manifest = [...parts, ...rest].join('\n');
  await host.deploy({ 'function.yaml': `${manifest}\n`, 'f.py': fn.source });
}

/** One cold call; everything is given back after it. */
async function cold(t: ExecutionContext, host: FunctionHost, name: string, n: number) {
  const answer = await host.call(name, JSON.stringify({ n }));
  t.is(answer.status, 200, `${name} ${n}: ${answer.body}`);
  await host.agent.drain(name);
}

const checksOf = (host: FunctionHost, name: string) =>
  host.agent.state.functions.get(name)?.expression?.latest ?? [];

/** The same until its peak is known: a caller is not kept waiting for a guest that is late. */
async function checked(t: ExecutionContext, host: FunctionHost, name: string, n: number) {
  const before = checksOf(host, name).length;
  for (let call = 0; call < TRIES && checksOf(host, name).length === before; call += 1) {
    await cold(t, host, name, n);
  }
  t.is(checksOf(host, name).length, before + 1, `${name} ${n}: its peak was counted`);
}

/** What a process of the runtime takes before it does anything of what the expression says. */
async function baseOf(t: ExecutionContext, host: FunctionHost, fn: Measured): Promise<number> {
  const name = `${fn.name}-base`;
  await deploy(host, fn, name, blockOf(fn, 64 * MIB, 1).trimEnd());
  await checked(t, host, name, 1);
  const [call] = checksOf(host, name);
  await host.agent.remove(name);
  return call ? call.peak_bytes - (call.expected_bytes - 64 * MIB) : 0;
}

for (const fn of FUNCTIONS) {
  test.serial(
    `${fn.name}: what is said of a call is its peak, within 5 % at the median`,
    async (t) => {
      const host = await functionHost(t, ['hotmem'], { policy: HISTORY_POLICY });
      const base_bytes = await baseOf(t, host, fn);
      t.log(`base, measured: ${inMib(base_bytes)}`);
      await deploy(host, fn, fn.name, blockOf(fn, base_bytes, fn.sizes.at(-1) ?? 0).trimEnd());
      for (const n of fn.sizes) await checked(t, host, fn.name, n);
      const calls = checksOf(host, fn.name);
      for (const { inputs, expected_bytes, peak_bytes, error_share } of calls) {
        const said = `${inMib(expected_bytes)} said, ${inMib(peak_bytes)} taken`;
        t.log(`n ${inputs['n']}: ${said}, ${percent(error_share)}`);
      }
      const all = median(calls.map(({ error_share }) => Math.abs(error_share)));
      const above = median(
        calls.map((call) => {
          const own_bytes = call.peak_bytes - base_bytes;
          return Math.abs(call.expected_bytes - base_bytes - own_bytes) / own_bytes;
        }),
      );
      t.log(`median error ${percent(all)}; of what is above the base ${percent(above)} (TCG)`);
      t.true(all <= 0.05);
      const status = await host.statusOf(fn.name);
      t.like(status, { oom_kills: 0, pages_migrated: 0 });
    },
  );
}

/** Twelve starts of Python, one after the other. */
const withTrace = process.env['HOTPLANE_LONG_FUNCTIONS'] ? test.serial : test.serial.skip;
withTrace('a trace of small and large calls costs less by its expression', async (t) => {
  const host = await functionHost(t, ['hotmem'], { policy: HISTORY_POLICY });
  const fn = FUNCTIONS.find(({ name }) => name === 'samples');
  if (!fn) return;
  const told: MemoryStep[] = [];
  const watch = host.agent.watch({ memory_interval_ms: 200, records: ['memory'] });
  // It ends with the agent.
  const reading = (async () => {
    for await (const { memory } of watch) if (memory) told.push(memory);
  })();
  reading.catch(() => undefined);
  const base_bytes = await baseOf(t, host, fn);
  const sized = `  baseline: 64MiB\n  increment: 64MiB\n  history: true`;
  const arms = {
    static: `memory: ${MEMORY}`,
    history: `memory:\n  max: ${MEMORY}\n${sized}`,
    expression: blockOf(fn, base_bytes, 500_000).trimEnd(),
  };
  // Bytes on average: how long a start takes is not of the sizes.
  const means = new Map<string, number>();
  for (const [arm, memory] of Object.entries(arms)) {
    await deploy(host, fn, arm, memory);
    for (const n of BIMODAL) await cold(t, host, arm, n);
    const { function: about, oom_kills } = await host.statusOf(arm);
    const steps = told.filter((step) => step.function === arm);
    // Its VM began to run then.
    const window = { from_ms: steps[0]?.at_ms ?? Number.NaN, to_ms: hostClock.nowMs() };
    const plugged = gibSeconds(steps, (one) => one.plugged_bytes - about.boot_bytes, window);
    const seconds = (window.to_ms - window.from_ms) / 1_000;
    const mean_bytes = ((plugged ?? Number.NaN) * GIB) / seconds;
    means.set(arm, mean_bytes);
    t.log(
      `${arm}: ${plugged?.toFixed(2)} GiB s plugged in ${seconds.toFixed(0)} s: ` +
        `${inMib(mean_bytes)} on average (TCG)`,
    );
    t.is(oom_kills, 0);
    await host.agent.remove(arm);
  }
  const of = (arm: string): number => means.get(arm) ?? Number.NaN;
  t.true(of('expression') < of('static') && of('expression') < of('history'));
});
