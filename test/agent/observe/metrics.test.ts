/** Metrics stay bounded, never wait, never fail, and hold up nobody. */
import test from 'ava';
import fc from 'fast-check';
import { Gauge, Registry } from 'prom-client';
import { functionGauges, isFunctionGauge } from '../../../agent/observe/metrics/function-gauges.ts';
import type { FunctionFigures } from '../../../agent/observe/metrics/host-figures.ts';
import { AgentMetrics } from '../../../agent/observe/metrics/metrics.ts';
import { FunctionNames } from '../../../agent/observe/metrics/function-names.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { METRIC_ROWS, type MetricRow } from '../../../agent/observe/metrics/table.ts';
import {
  type Invocation,
  invocationSchema,
  type Operation,
  operationSchema,
  OUTCOMES,
} from '../../../agent/model/records.ts';
import { CAUSES } from '../../../agent/model/operations.ts';
import { emptyHost, type HostState } from '../../../agent/model/state.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { hostOf } from './many-vms.ts';

function metricsOf(
  state: HostState = emptyHost(GIB),
  functions_max = 256,
  onLook: () => void = () => undefined,
  clock = hostClock,
): AgentMetrics {
  return new AgentMetrics({
    clock,
    version: 'test',
    functions_max,
    state: () => {
      onLook();
      return state;
    },
    residentBytes: () => MIB,
  });
}

const FUNCTION_GAUGES = Object.keys(METRIC_ROWS).filter(isFunctionGauge).length;

const ms = fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: null });
const bytes = fc.nat();
const text = fc.option(fc.string(), { nil: null });

const operation: fc.Arbitrary<Operation> = fc
  .record({
    mechanism: fc.constantFrom('hotmem', 'numa'),
    kind: fc.constantFrom('plug', 'unplug'),
    function: fc.string(),
    outcome: fc.constantFrom(...OUTCOMES),
    cause: fc.option(fc.constantFrom(...CAUSES), { nil: null }),
    decided_at_ms: ms,
    requested_at_ms: ms,
    accepted_at_ms: ms,
    plugged_at_ms: ms,
    resident_at_ms: ms,
    requested_bytes: bytes,
    plugged_bytes: bytes,
    pages_migrated: fc.option(fc.nat(), { nil: null }),
  })
  .map((given) =>
    operationSchema.parse({ ...blank(operationSchema.shape), ...given, id: 'o', vm_id: 'v' }),
  );

const invocation: fc.Arbitrary<Invocation> = fc
  .record({
    function: fc.string(),
    outcome: fc.constantFrom('done', 'refused', 'failed'),
    error_code: text,
    cold: fc.boolean(),
    received_at_ms: fc.double({ min: 0, max: 1e9, noNaN: true }),
    assigned_at_ms: ms,
    sandbox_at_ms: ms,
    plugged_at_ms: ms,
    instance_ready_at_ms: ms,
    first_byte_at_ms: ms,
    finished_at_ms: ms,
  })
  .map((given) =>
    invocationSchema.parse({ ...blank(invocationSchema.shape), ...given, invocation_id: 'i' }),
  );

/** Every field that may be unknown is, and every other one is nothing. */
function blank(
  shape: Readonly<Record<string, { safeParse: (value: unknown) => { success: boolean } }>>,
) {
  const values = [null, 0, 'x', false];
  return Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => [
      key,
      values.find((value) => schema.safeParse(value).success),
    ]),
  );
}

test('no record makes it fail, whatever stamps are missing or turned round', async (t) => {
  const metrics = metricsOf();
  await holds(
    t,
    fc.property(fc.array(operation), fc.array(invocation), (operations, invocations) => {
      for (const one of operations) metrics.record('operation', one);
      for (const one of invocations) metrics.record('invocation', one);
      return true;
    }),
  );
  const text_of_all = await metrics.render();
  const samples = text_of_all.split('\n').filter((line) => line.startsWith('hotplane_'));
  t.true(samples.length > 50);
  t.deepEqual(
    samples.filter((line) => !/^hotplane_\w+(\{.*\})? -?\d+(\.\d+)?(e[+-]?\d+)?$/.test(line)),
    [],
  );
});

test('however many functions there are, their series are bounded, and none is lost', async (t) => {
  const metrics = metricsOf(hostOf(8, 1), 8);
  const [one] = fc.sample(invocation, { numRuns: 1, seed: 1 });
  for (let index = 0; index < 1_000; index += 1) {
    if (one)
      metrics.record('invocation', { ...one, function: `f${index}`, outcome: 'done', cold: true });
  }
  const rows = (await metrics.render())
    .split('\n')
    .filter((line) => line.startsWith('hotplane_invocations_total{'));
  t.is(rows.length, 9, 'eight and the rest');
  const sum = rows.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  t.is(sum, 1_000);
  t.true(rows.some((line) => line.includes('function="other"') && line.endsWith(' 992')));
});

test('all who ask within a moment get one answer, made once', async (t) => {
  let looks = 0;
  const metrics = metricsOf(emptyHost(GIB), 8, () => (looks += 1));
  const answers = await Promise.all(Array.from({ length: 20 }, () => metrics.render()));
  t.is(new Set(answers).size, 1);
  t.is(looks, 1);
});

test('a place of a function that is gone goes to one that is there, when all are taken', (t) => {
  const names = new FunctionNames(2);
  t.deepEqual(
    ['a', 'b', 'c', 'a'].map((name) => names.labelOf(name)),
    ['a', 'b', 'other', 'a'],
  );
  t.deepEqual(
    names.freeUp((name) => name === 'a'),
    ['b'],
  );
  t.deepEqual(
    names.freeUp(() => false),
    [],
    'not before all are taken again',
  );
  t.deepEqual(
    ['c', 'b'].map((name) => names.labelOf(name)),
    ['c', 'other'],
  );
});

test('a look at 256 VMs with 192 regions each gives way to others many times', async (t) => {
  let now_ms = 0;
  // Each look at the clock is a millisecond later than the one before.
  const clock = { ...hostClock, nowMs: () => (now_ms += 1) };
  const metrics = metricsOf(hostOf(256, 192), 256, () => undefined, clock);
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns += 1;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const rendered = await metrics.render();
  done = true;
  const families = rendered.match(/^# TYPE /gm)?.length ?? 0;
  // After each function, each VM, each piece of 32 functions, and each family of the library.
  const gaps = 256 + 256 + families - FUNCTION_GAUGES + FUNCTION_GAUGES * 8;
  const wanted = Math.floor(gaps / AGENT_LIMITS.turn_ms);
  t.true(Math.abs(turns - wanted) <= 2, `${turns} turns of ${wanted}`);
  t.regex(rendered, /^hotplane_vms\{state="running"\} 256$/m);
  t.regex(rendered, /^hotplane_function_resident_bytes\{function="f0"\} 1048576$/m);
});

test('gauges by function are as the library writes them, whatever a function is called', async (t) => {
  const name = 'a\\b"c\nd';
  const figures = { ...NO_FIGURES, queued: 3, oldest_wait_ms: 1_500, resident_bytes: null };
  const registers = [new Registry()];
  const labelNames = ['function', 'phase'];
  const texts = new Map<string, string>();
  for (const told of functionGauges(new Map([[name, figures]]))) {
    t.true(told.startsWith('# HELP '), 'few functions are one piece');
    texts.set(/^# HELP (\S+)/.exec(told)?.[1] ?? '', told);
  }
  const { instances, queued, oldest, resident } = METRIC_ROWS;
  const wanted = new Gauge({ name: queued.name, help: queued.help, labelNames, registers });
  wanted.set({ function: name }, 3);
  const phases = new Gauge({ name: instances.name, help: instances.help, labelNames, registers });
  for (const [phase, count] of Object.entries(figures.instances)) {
    phases.set({ function: name, phase }, count);
  }
  for (const gauge of [queued, instances]) {
    t.is(texts.get(gauge.name), await registers[0]?.getSingleMetricAsString(gauge.name));
  }
  t.true(texts.get(oldest.name)?.endsWith('} 1.5'));
  t.is(texts.get(resident.name)?.split('\n').length, 2, 'what is not known is no sample');
});

const NO_FIGURES = {
  instances: { starting: 0, busy: 2, idle: 1, stopping: 0 },
  queued: 0,
  oldest_wait_ms: 0,
  permit_bytes: 0,
  plugged_bytes: 0,
  boot_bytes: 0,
  ready_regions: 0,
  populated_regions: null,
  empty_regions: 0,
  rungs: {
    plugged: { want: null, asked: 0, hits: 0, byte_ms: 0 },
    populated: { want: null, asked: 0, hits: 0, byte_ms: 0 },
    warm: { want: null, asked: 0, hits: 0, byte_ms: 0 },
  },
  expression: null,
  spans: null,
  pages: null,
  resident_bytes: 0,
};

test('pages that guests clear are told where they count them, with the age of their word', (t) => {
  const pages = { cleared: 5, skipped: 7, prepared: 9, cleared_twice: 0 };
  const told = [
    ...functionGauges(
      new Map<string, FunctionFigures>([
        ['counts', { ...NO_FIGURES, pages: { told: pages, age_ms: 1_500 } }],
        ['gone', { ...NO_FIGURES, pages: { told: pages, age_ms: null } }],
        ['without', NO_FIGURES],
      ]),
    ),
  ].join('\n');
  const samples = told.split('\n').filter((line) => line.startsWith('hotplane_function_guest_'));
  const of = (name: string): string[] =>
    Object.entries(pages).map(
      ([what, count]) =>
        `hotplane_function_guest_pages_total{function="${name}",what="${what}"} ${count}`,
    );
  t.deepEqual(samples, [
    ...of('counts'),
    ...of('gone'),
    'hotplane_function_guest_pages_age_seconds{function="counts"} 1.5',
  ]);
});

test('named spans are told of functions that can have them, and of no other', (t) => {
  const spans = { opened: 7, closed: 5, denied: 2, plugged_bytes: MIB, byte_ms: 3_000 * MIB };
  const told = [
    ...functionGauges(
      new Map<string, FunctionFigures>([
        ['with', { ...NO_FIGURES, spans }],
        ['without', NO_FIGURES],
      ]),
    ),
  ].join('\n');
  const samples = told.split('\n').filter((line) => line.startsWith('hotplane_function_spans_'));
  t.deepEqual(samples, [
    'hotplane_function_spans_opened_total{function="with"} 7',
    'hotplane_function_spans_denied_total{function="with"} 2',
    'hotplane_function_spans_open{function="with"} 2',
    `hotplane_function_spans_plugged_bytes{function="with"} ${MIB}`,
    `hotplane_function_spans_byte_seconds_total{function="with"} ${3 * MIB}`,
  ]);
});

/** The metrics of an empty host whose API has a certificate until then; null: it has none. */
async function renderedWith(certificate_end_ms: number | null): Promise<string> {
  const host = emptyHost(GIB);
  const metrics = new AgentMetrics({
    clock: hostClock,
    version: 'v',
    functions_max: 1,
    state: () => host,
    residentBytes: () => null,
    certificateEndMs: () => certificate_end_ms,
  });
  return await metrics.render();
}

test('the end of the certificate is told where there is one, and never as 1970', async (t) => {
  const sample = /^hotplane_tls_certificate_expiry_timestamp_seconds (\d+)$/m;
  t.is(sample.exec(await renderedWith(1_800_000_000_000))?.[1], '1800000000');
  t.notRegex(await renderedWith(null), sample);
});

test('names, units and labels are as Prometheus asks for', (t) => {
  for (const { name, type, labels, help } of Object.values<MetricRow>(METRIC_ROWS)) {
    t.regex(name, /^hotplane_[a-z_]+$/);
    t.is(name.endsWith('_total'), type === 'counter', name);
    if (type === 'histogram') t.regex(name, /_seconds$/);
    t.notRegex(name, /_(ms|kib|mib|percent)/);
    t.regex(help, /\.$/);
    t.true(labels.length <= 3, name);
  }
});
