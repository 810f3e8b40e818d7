/**
 * Goal: no page of a region is cleared twice, and none that is known to be zero at all: seen
 * without the kernel's own word.
 * Method: a guest of which every byte that is stored is counted, page by page. A call touches pages
 * and stores a known number of bytes in each; what is stored beside are clearings. It plugs its
 * region twice: what was used before is not zero by anybody's work but the host's.
 */
import test, { type ExecutionContext } from 'ava';
import { hostClock } from '../../base/clock.ts';
import { MIB } from '../../base/units.ts';
import { ensureAccessPlugin } from '../../bench/accesses/program.ts';
import { MEMENTO_ARMS } from '../../bench/memento/arms.ts';
import { countedChecks } from '../../bench/memento/counted/checks.ts';
import { countingDriver, playLives } from '../../bench/memento/counted/lives.ts';
import { PAGE_BYTES } from '../../bench/memento/counted/pages.ts';
import type { CountedLife } from '../../bench/memento/counted/records.ts';
import { ensureGuest } from '../../images/index.ts';

const REGION_BYTES = 128 * MIB;
const REGION_PAGES = REGION_BYTES / PAGE_BYTES;
const BYTES = 16 * MIB;
const PAGES = BYTES / PAGE_BYTES;
const ROUNDS = 2;

/** Of all tests until now. */
const all: CountedLife[] = [];
const ownOf = (arm: string) => all.filter((life) => life.arm === arm);

async function livesOf(t: ExecutionContext, name: string): Promise<readonly CountedLife[]> {
  const arm = MEMENTO_ARMS.find((one) => one.name === name);
  if (!arm) throw new Error('no such arm');
  const lives = await playLives(arm, {
    hypervisor: countingDriver(await ensureAccessPlugin()),
    guest: await ensureGuest({ variant: 'hotmem' }),
    clock: hostClock,
    region_bytes: REGION_BYTES,
    bytes: BYTES,
    rounds: ROUNDS,
  });
  for (const life of lives) {
    t.log(JSON.stringify(life));
    t.is(life.touched_pages, PAGES);
    t.is(life.twice_pages, 0, 'pages cleared twice');
    t.is(life.kernel?.cleared_twice, 0, 'by the kernel’s own word');
    t.is(life.windows.end.cleared_pages, 0, 'nothing is cleared that is given back');
  }
  t.is(lives.length, ROUNDS);
  all.push(...lives);
  return lives;
}

const cleared = ({ windows }: CountedLife) => ({
  ahead: windows.ahead.cleared_pages,
  call: windows.call.cleared_pages,
});

test.serial('without any part each page is cleared once, on the path of the call', async (t) => {
  for (const life of await livesOf(t, 'off')) {
    t.deepEqual(cleared(life), { ahead: 0, call: PAGES });
    t.is(life.windows.ahead.stored_bytes, 0);
  }
});

test.serial('prepared ahead, each is cleared once, and none on the path', async (t) => {
  for (const life of await livesOf(t, 'prepare')) {
    t.deepEqual(cleared(life), { ahead: REGION_PAGES, call: 0 });
    t.is(life.kernel?.prepared, REGION_PAGES, 'the kernel says so, too');
    t.is(life.windows.ahead.stored_bytes, REGION_BYTES);
  }
});

test.serial('where plugged memory reads zero, none is cleared', async (t) => {
  for (const life of await livesOf(t, 'fresh_zero')) {
    t.deepEqual(cleared(life), { ahead: 0, call: 0 });
    t.is(life.windows.ahead.stored_bytes, 0);
  }
});

test.serial('with all parts a word of each page is stored ahead, none is cleared', async (t) => {
  for (const life of await livesOf(t, 'all')) {
    t.deepEqual(cleared(life), { ahead: 0, call: 0 });
    t.is(life.windows.ahead.stored_bytes, 8 * REGION_PAGES);
    t.true(life.minor_faults !== null && life.minor_faults < PAGES / 10);
  }
});

test.serial('pages of the program’s own are cleared as often as the kernel says', (t) => {
  const bare = Math.min(...ownOf('fresh_zero').map(({ own_bytes }) => own_bytes));
  for (const { own_bytes, kernel } of ownOf('off')) {
    t.is(Math.round((own_bytes - bare) / PAGE_BYTES), (kernel?.cleared ?? Number.NaN) - PAGES);
  }
  for (const { title, verdict, measured } of countedChecks(all, BYTES)) {
    t.is(verdict, 'met', `${title}: ${measured}`);
  }
});
