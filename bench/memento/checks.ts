/** What memory that is ready is to save a call. Pure. */
import { atMost, type Check, shown } from '../check.ts';
import type { MementoFigures, MementoSummary } from './figures.ts';

/** Of the page faults of a call, with everything on: at least nine of ten are gone. */
const FAULTS_LEFT = 0.1;
const PAGE_BYTES = 4096;

/** `bytes`: what a call touches, of which a page fault is a page of 4 KiB, or a huge one. */
export function mementoChecks(summary: MementoSummary, bytes: number): Check[] {
  const { cleared_twice, failed, reason, figures } = summary;
  return [
    atMost('failed', 'calls that failed, or were not what they were to be', {
      target: 0,
      unit: '',
      measured: figures.length > 0 ? failed : null,
      detail: reason ?? '',
    }),
    atMost('cleared_twice', 'pages that the guest kernels cleared twice', {
      target: 0,
      unit: 'pages',
      measured: cleared_twice,
      detail: cleared_twice === null ? 'not every guest kernel counts them' : '',
    }),
    faultCheck(figures, { name: 'touch', how: 'huge pages off', most: Number.POSITIVE_INFINITY }),
    faultCheck(figures, { name: 'touch-huge', how: 'huge pages on', most: bytes / PAGE_BYTES / 2 }),
  ];
}

/** `most`: with more page faults than that without any part, its guest is not what it is to be. */
function faultCheck(
  figures: readonly MementoFigures[],
  { name, how, most }: { readonly name: string; readonly how: string; readonly most: number },
): Check {
  const faultsIn = (arm: string): number | null =>
    figures.find((one) => one.function === name && one.start === 'warm' && one.arm === arm)
      ?.minor_faults ?? null;
  const [all, off] = [faultsIn('all'), faultsIn('off')];
  const is_off = off !== null && off > most;
  return atMost(`faults_${name}`, `all: page faults of a first call, of those without (${how})`, {
    target: FAULTS_LEFT,
    unit: 'times',
    measured: all === null || !off || is_off ? null : all / off,
    detail: `${shown(all)} and ${shown(off)}${is_off ? ': its guest has no huge pages' : ''}`,
  });
}
