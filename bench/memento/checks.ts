/** What memory that is ready is to save a call. Pure. */
import { atMost, type Check, shown } from '../check.ts';
import type { MementoFigures, MementoSummary } from './figures.ts';

/** Of the page faults of a call, with everything on: at least nine of ten are gone. */
const FAULTS_LEFT = 0.1;

export function mementoChecks(summary: MementoSummary): Check[] {
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
    faultCheck(figures, 'touch', 'huge pages off'),
    faultCheck(figures, 'touch-huge', 'huge pages on'),
  ];
}

function faultCheck(figures: readonly MementoFigures[], name: string, how: string): Check {
  const faultsIn = (arm: string): number | null =>
    figures.find((one) => one.function === name && one.start === 'warm' && one.arm === arm)
      ?.minor_faults ?? null;
  const [all, off] = [faultsIn('all'), faultsIn('off')];
  return atMost(`faults_${name}`, `all: page faults of a first call, of those without (${how})`, {
    target: FAULTS_LEFT,
    unit: 'times',
    measured: all === null || !off ? null : all / off,
    detail: `${shown(all)} and ${shown(off)}`,
  });
}
