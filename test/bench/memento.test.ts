/**
 * Goal: the figures of `hotplane bench memento` are what the agent's records and the guests say.
 * Method: records made up here, with stamps chosen so that every figure can be told by hand, and
 * one trial over an agent that the test plays.
 */
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { MIB } from '../../base/units.ts';
import { agentOf, MEMENTO_ARMS } from '../../bench/memento/arms.ts';
import { mementoChecks } from '../../bench/memento/checks.ts';
import { summarizeMemento } from '../../bench/memento/figures.ts';
import { measureCall, type MementoApi } from '../../bench/memento/measure.ts';
import { parseMementoOptions, type RawMementoOptions } from '../../bench/memento/options.ts';
import {
  agentKey,
  functionsOf,
  mementoSpecOf,
  mementoName,
  trialsOf,
} from '../../bench/memento/plan.ts';
import type { AgentPages, TrialLine } from '../../bench/memento/records.ts';
import { EMPTY_REPLY } from '../autoscaler/empty-messages.ts';

const RAW: RawMementoOptions = {
  bytes: '96MiB',
  rounds: '2',
  arms: undefined,
  functions: undefined,
  seed: '7',
};
const OPTIONS = parseMementoOptions(RAW);

test('arms that differ by the arena alone share an agent', (t) => {
  const keys = new Map(MEMENTO_ARMS.map((arm) => [arm.name, agentKey(arm)]));
  t.is(keys.get('off'), '--no-prepare --clear-plugged');
  t.is(keys.get('arena'), keys.get('off'));
  t.is(keys.get('all'), '--prepare --no-clear-plugged');
  t.is(new Set(keys.values()).size, 4);
});

test('an agent has each function once, and one with an arena is another', (t) => {
  const [off] = MEMENTO_ARMS;
  const names = functionsOf(OPTIONS, agentOf(off).join(' ')).map(mementoName);
  t.deepEqual(names, ['touch', 'touch-arena', 'touch-huge', 'touch-huge-arena', 'python', 'node']);
  const [plain, arena] = functionsOf(OPTIONS, agentKey(off));
  t.deepEqual(plain && mementoSpecOf(plain, OPTIONS, null).argv, []);
  t.deepEqual(arena && mementoSpecOf(arena, OPTIONS, null).argv, [
    '/bin/workload',
    `HOTPLANE_ARENA_BYTES=${96 * MIB}`,
  ]);
});

test('arms take turns, every second round runs backwards, and real functions have no arena', (t) => {
  const trials = trialsOf(OPTIONS);
  const round = (wanted: number) =>
    trials
      .filter((one) => one.round === wanted)
      .map(({ subject, arm, start }) => `${subject.name} ${arm.name} ${start}`);
  t.is(round(1).length, 2 * (5 + 5 + 4 + 4));
  t.deepEqual(round(2), round(1).toReversed());
  t.is(round(1)[0], 'touch off plugged');
  t.false(round(1).includes('python arena warm'));
  t.true(round(1).includes('python all warm'));
});

for (const [option, text] of [
  ['bytes', '1MiB'],
  ['bytes', '96.5MiB'],
  ['rounds', '0'],
  ['arms', 'prepared'],
  ['functions', 'rust'],
  ['seed', '-1'],
] as const satisfies readonly (readonly [keyof RawMementoOptions, string])[]) {
  test(`--${option} '${text}' is refused with the option's name`, (t) => {
    const error = t.throws(() => parseMementoOptions({ ...RAW, [option]: text }));
    t.true(isHotplaneError(error) && error.code === 'HP_BENCH_OPTION');
    t.regex(error?.message ?? '', new RegExp(`^--${option}: `));
  });
}

test('off is there though nobody names it', (t) => {
  const { arms } = parseMementoOptions({ ...RAW, arms: 'off, all' });
  t.deepEqual(
    arms.map(({ name }) => name),
    ['off', 'all'],
  );
});

const line = (arm: string, call_ms: number, change: Partial<TrialLine> = {}): TrialLine => ({
  round: 1,
  function: 'touch',
  arm,
  start: 'warm',
  first_byte_ms: call_ms + 10,
  call_ms,
  minor_faults: arm === 'off' ? 24_576 : 3,
  was_populated: arm !== 'off',
  reason: null,
  ...change,
});
const PAGES: AgentPages = {
  agent: '--prepare --clear-plugged',
  function: 'touch',
  pages: { cleared: 1, skipped: 2, prepared: 3, cleared_twice: 0 },
};
const LINES = [line('off', 100), line('off', 120), line('all', 50), line('all', 60)];

test('medians of an arm stand against those without any of it', (t) => {
  const { figures, ...rest } = summarizeMemento({ lines: LINES, pages: [PAGES] });
  t.deepEqual(rest, { cleared_twice: 0, failed: 0, reason: null });
  const warm = figures.filter(({ start }) => start === 'warm');
  t.deepEqual(
    warm.map(({ arm }) => arm),
    ['off', 'all'],
  );
  t.like(warm[0], { call_ms: { n: 2, median: 110 }, call_over_off: null, minor_faults: 24_576 });
  t.like(warm[1], { call_over_off: { ratio: 0.5 }, minor_faults: 3 });
  t.true(Math.abs((warm[1]?.first_byte_over_off?.ratio ?? 0) - 65 / 120) < 0.001);
});

const verdicts = (lines: readonly TrialLine[], pages: readonly AgentPages[]) =>
  Object.fromEntries(
    mementoChecks(summarizeMemento({ lines, pages }), OPTIONS.bytes).map(({ name, verdict }) => [
      name,
      verdict,
    ]),
  );

test('a tenth of the faults, nothing twice and no failure are held', (t) => {
  const met = { failed: 'met', cleared_twice: 'met', faults_touch: 'met' };
  t.like(verdicts(LINES, [PAGES]), { ...met, 'faults_touch-huge': 'not measured' });
  const many = LINES.map((one) => ({ ...one, minor_faults: 9_000 }));
  t.like(verdicts(many, [PAGES]), { faults_touch: 'missed' });
  const twice = { ...PAGES, pages: { cleared: 1, skipped: 0, prepared: 1, cleared_twice: 1 } };
  t.like(verdicts(LINES, [PAGES, twice]), { cleared_twice: 'missed' });
});

/** `faults`: of a call without any part. */
const huge = (faults: number) =>
  LINES.map((one) => ({
    ...one,
    function: 'touch-huge',
    minor_faults: one.arm === 'off' ? faults : 3,
  }));

test('huge pages that are not there are not measured, and take a guest that has them on', (t) => {
  t.like(verdicts(huge(24_579), [PAGES]), { 'faults_touch-huge': 'not measured' });
  t.like(verdicts(huge(51), [PAGES]), { 'faults_touch-huge': 'met' });
  const [off] = MEMENTO_ARMS;
  const found = functionsOf(OPTIONS, agentKey(off)).find(({ subject }) => subject.huge);
  t.true((found ? mementoSpecOf(found, OPTIONS, null).boot_bytes : 0) >= 768 * MIB);
});

test('a guest that does not count leaves it unknown, and a call that failed is no figure', (t) => {
  t.like(verdicts(LINES, [PAGES, { ...PAGES, pages: null }]), { cleared_twice: 'not measured' });
  const failed = line('all', 1, { reason: 'HP_X: no', first_byte_ms: null, call_ms: null });
  const { figures, ...rest } = summarizeMemento({ lines: [...LINES, failed], pages: [] });
  t.deepEqual(rest, { cleared_twice: null, failed: 1, reason: 'HP_X: no' });
  t.is(figures.find(({ arm, start }) => arm === 'all' && start === 'warm')?.call_ms?.n, 2);
});

/** An agent in which something is ready as soon as it is asked for. */
class PlayedAgent {
  readonly said: string[] = [];
  /** What stands there, by the latest targets. */
  #rung = 'unplugged';
  readonly #is_cold: boolean;

  constructor(is_cold: boolean) {
    this.#is_cold = is_cold;
  }

  readonly api: MementoApi = {
    setTargets: async ({ values: { reserve, warm } }) => {
      this.said.push(`reserve ${reserve} warm ${warm}`);
      this.#rung = warm ? 'warm' : 'populated';
      return played({});
    },
    status: async () => {
      const rungs = [
        { rung: 'busy', have: 0 },
        { rung: this.#rung, have: 1 },
      ];
      return played({ functions: [{ rungs }] });
    },
    invoke: async () => {
      this.said.push('invoke');
      return {
        ...EMPTY_REPLY,
        answer: null,
        outcome: 'done',
        cold: this.#is_cold,
        received_at_ms: 100,
        assigned_at_ms: 101,
        instance_ready_at_ms: this.#is_cold ? 150 : 20,
        first_byte_at_ms: 170,
        minor_faults: 5,
      };
    },
    drain: async () => {
      this.said.push('drain');
      return played({});
    },
  };
}

/** What is looked at of a message, in the place of all of it. */
const played = (parts: object) => JSON.parse(JSON.stringify(parts));

const trialOf = (start: 'plugged' | 'warm') => {
  const found = trialsOf(OPTIONS).find(
    (one) => one.arm.name === 'prepare' && one.start === start && one.subject.name === 'touch',
  );
  if (!found) throw new Error('no such trial');
  return found;
};
const about = { options: OPTIONS, clock: hostClock };

test('a start in ready memory is told from its request, and its call from when it could begin', async (t) => {
  const agent = new PlayedAgent(true);
  const signal = AbortSignal.timeout(10_000);
  const told = await measureCall(agent.api, trialOf('plugged'), about, signal);
  t.like(told, { first_byte_ms: 70, call_ms: 20, minor_faults: 5, reason: null });
  const aimed = 'reserve 1 warm null';
  t.deepEqual(agent.said, [aimed, 'invoke', aimed, 'drain']);
});

test('an instance is started ahead when its region was ready; one that was not there is no figure', async (t) => {
  const agent = new PlayedAgent(false);
  const signal = AbortSignal.timeout(10_000);
  const told = await measureCall(agent.api, trialOf('warm'), about, signal);
  t.like(told, { first_byte_ms: 70, call_ms: 69, reason: null });
  t.deepEqual(agent.said.slice(0, 3), ['reserve 1 warm null', 'reserve 1 warm 1', 'invoke']);
  const cold = await measureCall(new PlayedAgent(true).api, trialOf('warm'), about, signal);
  t.is(cold.reason, 'no instance was there');
});
