/**
 * Memento in software, the part of the program: memory that it touches before it says that it is
 * ready costs no page faults when it is called.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { MIB } from '../../base/units.ts';
import { WorkloadPlayer } from './workload-player.ts';

const player = new WorkloadPlayer();
test.after.always(() => player.remove());

const USED = 32 * MIB;
const PAGES = USED / 4096;
const WORK = { anonymous_bytes: USED, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };

async function faultsOf(
  env: Readonly<Record<string, string>>,
  anonymous_bytes = USED,
): Promise<number> {
  const { answer } = await player.play({ ...WORK, anonymous_bytes }, { env });
  const faults = /"minor_faults":(\d+)/.exec(answer)?.[1];
  if (faults === undefined) throw new Error(`no answer: ${answer}`);
  return Number(faults);
}

test('nine of ten minor faults of a call are gone with an arena', async (t) => {
  const without = await faultsOf({});
  const with_arena = await faultsOf({ HOTPLANE_ARENA_BYTES: `${USED}` });
  t.log(`${without} without, ${with_arena} with an arena of ${USED / MIB} MiB`);
  t.true(without >= PAGES);
  t.true(with_arena <= without / 10);
});

const HUGE_PAGES = readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8');
const withHugePages = HUGE_PAGES.includes('[never]') ? test.skip : test;

withHugePages('and of those that huge pages left over', async (t) => {
  const huge = { HOTPLANE_HUGE: '1' };
  const without = await faultsOf(huge, 4 * USED);
  const with_arena = await faultsOf({ ...huge, HOTPLANE_ARENA_BYTES: `${4 * USED}` }, 4 * USED);
  t.log(`${without} without, ${with_arena} with an arena of ${(4 * USED) / MIB} MiB`);
  t.true(without < PAGES / 8, 'there are huge pages');
  t.true(with_arena <= without / 10);
});

test('what is beyond the arena is touched when it is used, and is zero as it is', async (t) => {
  const faults = await faultsOf({ HOTPLANE_ARENA_BYTES: `${USED / 2}`, HOTPLANE_CHECK: 'full' });
  t.true(faults >= PAGES / 2 && faults < PAGES, `${faults} faults`);
});

test('more than an arena needs is no harm to a call that uses none of it', async (t) => {
  const env = { HOTPLANE_ARENA_BYTES: `${USED}` };
  const { answer, resident_mib } = await player.play({ ...WORK, anonymous_bytes: 0 }, { env });
  t.regex(answer, /"ok":true/);
  t.true(resident_mib >= USED / MIB, `${resident_mib} MiB are there`);
});

test('an arena that is none is said before the program is ready', async (t) => {
  for (const bytes of ['', 'much', '1x', '-1', `${2 ** 50}`, `${2 ** 70}`]) {
    const { answer } = await player.play(WORK, { env: { HOTPLANE_ARENA_BYTES: bytes } });
    t.regex(answer, /HOTPLANE_ARENA_BYTES/, JSON.stringify(bytes));
  }
});
