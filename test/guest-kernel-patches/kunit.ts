/** Results of KUnit, which runs at boot and writes KTAP to the kernel log. Pure. */
import { type CaseResult, parseCase } from '../../bench/kernel/selftest-lines.ts';

export interface KunitSuite {
  /** Cases the suite announced. */
  readonly planned: number;
  readonly cases: readonly CaseResult[];
  /** What the suite said of itself at its end; null when it did not come to it. */
  readonly outcome: CaseResult['outcome'] | null;
}

/** Cases of a suite are four columns in, those of a parameterised case deeper. */
const INDENT = '    ';

/** The suite of that name, or null when it did not begin. */
export function parseKunit(console_text: string, name: string): KunitSuite | null {
  const lines = console_text.split('\n').map((line) => line.replace(/^\[ *\d+\.\d+\] /, ''));
  const begin = lines.findIndex((line) => line.trimEnd() === `${INDENT}# Subtest: ${name}`);
  if (begin === -1) return null;
  const cases: CaseResult[] = [];
  let planned = 0;
  for (const line of lines.slice(begin)) {
    const plan = /^ {4}1\.\.(\d+)\s*$/.exec(line);
    if (plan) planned = Number(plan[1]);
    const result = /^( {4})?(?:not )?ok /.test(line) ? parseCase(line) : null;
    if (!result) continue;
    if (line.startsWith(INDENT)) cases.push(result);
    else if (result.name === name) return { planned, cases, outcome: result.outcome };
  }
  return { planned, cases, outcome: null };
}
