/** A check as KTAP, version 1 (Documentation/dev-tools/ktap.rst of Linux). Pure. */
import { printable } from '../../base/printable.ts';
import { CHECK_STEPS, type CheckResult, type CheckStep, type CheckSubject } from './records.ts';
import type { CaseResult } from './selftest-lines.ts';

const LINE_CHARS = 2_000;

/** Before the first step. */
export function ktapHead(subject: CheckSubject): string {
  const { tree, commit, series, series_revision, patches } = subject;
  const revision = series_revision === null ? '' : `, revision ${series_revision}`;
  return lines([
    'KTAP version 1',
    `1..${CHECK_STEPS.length}`,
    `# tree: ${tree}${commit === null ? '' : `, commit ${commit}`}`,
    `# series: ${series}, ${patches.length} patches${revision}`,
  ]);
}

/** One step as it ended, its cases as a test of its own before it; `index` counts from 0. */
export function ktapStep(step: CheckStep, index: number): string {
  const { name, outcome, detail, cases } = step;
  const inner =
    cases.length === 0
      ? []
      : [
          'KTAP version 1',
          `# Subtest: ${name}`,
          `1..${cases.length}`,
          ...cases.map((one, at) => resultLine(one, at)),
        ].map((line) => `  ${line}`);
  const said = outcome === 'fail' ? step.lines.map((line) => `# ${line}`) : [];
  return lines([...inner, ...said, resultLine({ name, outcome, detail }, index)]);
}

/** After the last step. */
export function ktapTail({ steps }: CheckResult): string {
  const count = (wanted: CheckStep['outcome']): number =>
    steps.filter(({ outcome }) => outcome === wanted).length;
  const [pass, fail, skip] = [count('pass'), count('fail'), count('skip')];
  return lines([`# Totals: pass:${pass} fail:${fail} xfail:0 xpass:0 skip:${skip} error:0`]);
}

function resultLine({ name, outcome, detail }: CaseResult, index: number): string {
  const told = outcome === 'skip' && !/^SKIP\b/i.test(detail) ? `SKIP ${detail}` : detail;
  const directive = told === '' ? '' : ` # ${told}`;
  return `${outcome === 'fail' ? 'not ok' : 'ok'} ${index + 1} ${name}${directive}`;
}

const lines = (all: readonly string[]): string =>
  all.map((line) => `${printable(line, LINE_CHARS)}\n`).join('');
