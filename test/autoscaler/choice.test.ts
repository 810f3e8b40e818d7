import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { chosenFunctions, readChoice } from '../../autoscaler/trace/choice.ts';
import { OPEN_DEFAULTS, openTrace } from '../../autoscaler/trace/open-trace.ts';
import { HotplaneError } from '../../base/errors.ts';
import { holds } from '../seed.ts';
import { rig } from './replay-rig.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-choice-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));

type Asked = Readonly<Partial<Record<'only' | 'trigger' | 'percentile', string>>>;
const NOTHING = { only: undefined, trigger: undefined, percentile: undefined };

function choose(asked: Asked): number[] {
  const choice = readChoice({ ...NOTHING, ...asked });
  return choice ? chosenFunctions(FUNCTIONS, choice) : [...FUNCTIONS.keys()];
}

const FUNCTIONS = [
  { app: 'shop', func: 'pay', invocations: 100, trigger: 'http' },
  { app: 'shop', func: 'mail', invocations: 5, trigger: 'queue' },
  { app: 'news', func: 'fetch', invocations: 50, trigger: 'timer' },
  { app: 'news', func: 'payload', invocations: 1, trigger: 'http' },
];

const CHOICES: readonly (readonly [Asked, readonly number[]])[] = [
  [{}, [0, 1, 2, 3]],
  [{ only: 'shop' }, [0, 1]],
  [{ only: 'pay, news' }, [0, 2, 3]],
  [{ trigger: 'http,timer' }, [0, 2, 3]],
  [{ percentile: '0-50' }, [1, 3]],
  [{ percentile: '75-100' }, [0]],
  [{ percentile: '50-100', trigger: 'http' }, [0]],
];

for (const [asked, indices] of CHOICES) {
  test(`of four functions ${JSON.stringify(asked)} chooses ${indices.join(', ')}`, (t) => {
    t.deepEqual(choose(asked), indices);
  });
}

const BAD: readonly (readonly [Asked, RegExp])[] = [
  [{ only: 'pay,pya' }, /"pya" is none of them/],
  [{ trigger: 'blob' }, /no trigger is "blob": there are http, queue, timer/],
  [{ percentile: '0-50', trigger: 'timer' }, /none of 4 is all that was asked for/],
  [{ percentile: '90' }, /no range up to 100/],
  [{ percentile: '50-50' }, /no range up to 100/],
  [{ percentile: '90-101' }, /no range up to 100/],
];

for (const [asked, message] of BAD) {
  test(`${JSON.stringify(asked)} is refused in one sentence`, (t) => {
    const error = t.throws(() => choose(asked), { instanceOf: HotplaneError, message });
    t.is(error.code, 'HP_TRACE_CHOICE');
    t.is(error.exit_code, 2);
  });
}

test('percentiles that touch choose every function once, the rarer ones first', async (t) => {
  const counts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 });
  await holds(
    t,
    fc.property(counts, fc.integer({ min: 1, max: 99 }), (list, cut) => {
      const functions = list.map((invocations, at) => ({ app: 'a', func: `f${at}`, invocations }));
      const of = (percentiles: { low: number; high: number }): number[] => {
        try {
          return chosenFunctions(functions, { names: null, triggers: null, percentiles });
        } catch {
          return [];
        }
      };
      const [low, high] = [of({ low: 0, high: cut }), of({ low: cut, high: 100 })];
      const all = [...low, ...high].toSorted((a, b) => a - b);
      const most = Math.max(0, ...low.map((at) => list[at] ?? 0));
      const is_ordered = high.every((at) => (list[at] ?? 0) >= most);
      return is_ordered && all.join(',') === [...functions.keys()].join(',');
    }),
  );
});

test('of counts the chosen functions alone are unfolded, with their triggers', async (t) => {
  const path = join(FOLDER, 'invocations_per_function_md.anon.d01.csv');
  const minutes = Array.from({ length: 1440 }, (_, at) => at + 1);
  const row = (name: string, trigger: string, count: number): string =>
    `o,a${name},${name},${trigger},${minutes.map((at) => (at === 5 ? count : 0)).join(',')}`;
  const head = `HashOwner,HashApp,HashFunction,Trigger,${minutes.join(',')}`;
  const rows = [row('x', 'http', 9_999_999), row('y', 'timer', 3), row('z', 'timer', 2)];
  // With x there would be more invocations than a trace can have.
  writeFileSync(path, `${[head, ...rows].join('\n')}\n`);
  const choice = readChoice({ ...NOTHING, trigger: 'timer' });
  const trace = await openTrace([path], { ...OPEN_DEFAULTS, choice, functions: 4 });
  t.deepEqual(trace.functions, [
    { app: 'ay', func: 'y', trigger: 'timer', invocations: 3 },
    { app: 'az', func: 'z', trigger: 'timer', invocations: 2 },
  ]);
  t.is(trace.invocations.length, 5);
});

test('a replay has the chosen functions, of which there may be fewer than asked for', async (t) => {
  const { run } = rig(t, {}, { only: '556ccf87', mechanism: 'static' });
  const [base] = (await run()).mechanisms;
  t.is(base?.invocations.outcomes.done, 32);
  const { choice, gap_scale } = parseReplayOptions({ trace: 't', out: 'o', trigger: 'http' });
  t.deepEqual([choice?.triggers, gap_scale], [['http'], 1]);
});
