/** What counted stores are to say of what was cleared. Pure. */
import { boundsOf } from '../../../base/number-list.ts';
import { atLeast, atMost, type Check } from '../../check.ts';
import { MEMENTO_ARMS } from '../arms.ts';
import { PAGE_BYTES } from './pages.ts';
import type { CountedLife } from './records.ts';

/**
 * What is stored in pages of the program's own where nothing is cleared is what the program stores:
 * more than that by a page is a clearing, of memory that was prepared a second one.
 */
function ownCheck(prepared: readonly CountedLife[], bare: readonly CountedLife[]): Check {
  const is_known = prepared.length > 0 && bare.length > 0;
  const most = boundsOf(prepared.map(({ own_bytes }) => own_bytes)).high;
  const least = boundsOf(bare.map(({ own_bytes }) => own_bytes)).low;
  const title = 'prepare: stored in pages of the program’s own, beyond what it stores itself';
  return atMost('stored_own', title, {
    target: PAGE_BYTES - 1,
    unit: 'bytes',
    measured: is_known ? most - least : null,
    detail: is_known ? `${most} and ${least}, of which nothing was cleared` : 'takes fresh_zero',
  });
}

const onPath = ({ windows }: CountedLife): number => windows.call.cleared_pages;

/** `bytes`: what each call touched. */
export function countedChecks(lives: readonly CountedLife[], bytes: number): Check[] {
  const livesIn = (name: string): CountedLife[] => lives.filter(({ arm }) => arm === name);
  const [off, ...others] = MEMENTO_ARMS.map(({ name }) => ({ name, lives: livesIn(name) }));
  const wanted = bytes / PAGE_BYTES;
  // Pages that cannot be told from others would be nobody's: nothing is said of a run with such.
  const are_told = lives.length > 0 && lives.every(({ touched_pages }) => touched_pages >= wanted);
  const most = (of: readonly CountedLife[], pick: (life: CountedLife) => number): number | null =>
    are_told ? boundsOf(of.map(pick)).high : null;
  const unready = off?.lives ?? [];
  const is_known = are_told && unready.length > 0;
  const least = is_known ? boundsOf(unready.map(onPath)).low / wanted : null;
  return [
    atMost('stored_twice', 'pages that were cleared twice, by what was stored in them', {
      target: 0,
      unit: 'pages',
      measured: are_told ? lives.reduce((sum, { twice_pages }) => sum + twice_pages, 0) : null,
      detail: are_told ? '' : 'the pages of the call could not be told from others',
    }),
    atLeast('stored_off', 'off: clearings on the path of a call, of the pages that it touched', {
      target: 1,
      unit: 'times',
      measured: least,
      detail: 'that what counts sees them',
    }),
    ...others
      .filter((arm) => arm.lives.length > 0)
      .map((arm) =>
        atMost(`stored_${arm.name}`, `${arm.name}: pages cleared on the path of a call`, {
          target: 0,
          unit: 'pages',
          measured: most(arm.lives, onPath),
          detail: 'the most of all rounds',
        }),
      ),
    ownCheck(livesIn('prepare'), livesIn('fresh_zero')),
  ];
}
