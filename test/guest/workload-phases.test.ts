/** The emulated function has the memory that its phases say, when they say it. */
import test from 'ava';
import { MIB } from '../../base/units.ts';
import type { Work } from '../../agent/model/work.ts';
import { type Played, type Reply, WorkloadPlayer } from './workload-player.ts';

const player = new WorkloadPlayer();
test.after.always(() => player.remove());

const NOTHING = { anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };

const play = async (work: object, reply?: Reply): Promise<Played> =>
  await player.play(work, reply ? { reply } : {});

test('memory comes with one phase and goes with the next, by munmap', async (t) => {
  const phases: Work['phases'] = [
    { at_ms: 200, anonymous_bytes: 64 * MIB },
    { at_ms: 700, anonymous_bytes: 8 * MIB },
  ];
  const { answer, peak_mib, resident_mib } = await play({ ...NOTHING, wall_ms: 1_200, phases });
  t.regex(answer, new RegExp(`"anonymous_bytes":${64 * MIB}`), 'its most is what it tells');
  t.true(peak_mib >= 64 && peak_mib < 80, `at most ${peak_mib} MiB`);
  t.true(resident_mib >= 8 && resident_mib < 24, `${resident_mib} MiB in the end`);
});

test('phases that are none, or too many, are refused', async (t) => {
  const one = { at_ms: 0, anonymous_bytes: 0 };
  for (const phases of [{}, [1], [{ at_ms: 0 }], Array.from({ length: 65 }, () => one)]) {
    const { answer } = await play({ ...NOTHING, phases });
    t.regex(answer, /"ok":false,"code":"bad-request"/);
  }
  const most = Array.from({ length: 64 }, () => one);
  t.regex((await play({ ...NOTHING, phases: most })).answer, /"ok":true/);
});

test('steps of spans that are none, too many, or touch more than they open are refused', async (t) => {
  const one = { span: 'x', at_ms: 0, bytes: MIB, touch_bytes: MIB, hold_ms: 0, times: 0 };
  const many = Array.from({ length: 9 }, () => one);
  const bad = [{ span: '' }, { bytes: 0 }, { touch_bytes: 2 * MIB }, { times: 100_001 }];
  for (const spans of [{}, many, [1], ...bad.map((part) => [{ ...one, ...part }])]) {
    const { answer } = await play({ ...NOTHING, spans });
    t.regex(answer, /"ok":false,"code":"bad-request"/);
  }
  t.regex((await play({ ...NOTHING, spans: many.slice(1) })).answer, /"ok":true/, 'never opened');
});

test('a span that is refused is told with the reason, and so is an answer without a file', async (t) => {
  const spans = [{ span: 'x', at_ms: 0, bytes: MIB, touch_bytes: 0, hold_ms: 0, times: 1 }];
  for (const [state, why] of [
    ['"refused","message":"HP_X: no"', /span 'x': HP_X: no/],
    ['"open"', /no file came/],
    ['"closed"', /span 'x': refused/],
  ] as const) {
    const said = `{"type":"span","span":"x","state":${state}}\n`;
    const { answer } = await play({ ...NOTHING, spans }, { after: /"open":"x","bytes":/, said });
    t.regex(answer, why);
  }
});
