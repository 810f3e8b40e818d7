/**
 * A check as JUnit XML, as CI servers read it: a suite for the steps, one for each with cases.
 * Pure.
 */
import { printable } from '../../base/printable.ts';
import type { CheckResult, CheckStep } from './records.ts';

const TEXT_CHARS = 4_000;

interface JunitCase {
  readonly name: string;
  readonly outcome: CheckStep['outcome'];
  readonly detail: string;
  readonly duration_ms: number | null;
  readonly lines: readonly string[];
}

export function junitOf({ steps, duration_ms }: CheckResult): string {
  const suites = [
    suite('hotplane.kernel-check', steps),
    ...steps
      .filter(({ cases }) => cases.length > 0)
      .map(({ name, cases }) =>
        suite(
          `hotplane.kernel-check.${name}`,
          cases.map((one) => ({ ...one, duration_ms: null, lines: [] })),
        ),
      ),
  ];
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
  const time = seconds(duration_ms);
  return `${head}<testsuites name="hotplane kernel check" time="${time}">\n${suites.join('')}</testsuites>\n`;
}

function suite(name: string, cases: readonly JunitCase[]): string {
  const count = (wanted: CheckStep['outcome']): number =>
    cases.filter(({ outcome }) => outcome === wanted).length;
  const counts = `tests="${cases.length}" failures="${count('fail')}" skipped="${count('skip')}" errors="0"`;
  const body = cases.map((one) => testcase(name, one)).join('');
  return `  <testsuite name="${name}" ${counts}>\n${body}  </testsuite>\n`;
}

function testcase(suite_name: string, one: JunitCase): string {
  const time = one.duration_ms === null ? '' : ` time="${seconds(one.duration_ms)}"`;
  const open = `    <testcase classname="${suite_name}" name="${escaped(one.name)}"${time}`;
  const message = `message="${escaped(one.detail)}"`;
  if (one.outcome === 'pass') return `${open}/>\n`;
  if (one.outcome === 'skip') return `${open}><skipped ${message}/></testcase>\n`;
  const text = one.lines.map((line) => `${escaped(line)}\n`).join('');
  return `${open}><failure ${message}>${text}</failure></testcase>\n`;
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(3);

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

function escaped(text: string): string {
  return printable(text, TEXT_CHARS).replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
}
