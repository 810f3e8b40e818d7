/**
 * docs/errors.md, written from the tables of codes, one a folder:
 *
 *   node tools/errors-page.ts
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXPRESSION_CODES } from '../agent/expression/errors.ts';
import { AGENT_CODES } from '../agent/model/errors.ts';
import { MUX_CODES } from '../autoscaler/mux/errors.ts';
import { PROFILE_CODES } from '../autoscaler/profile/errors.ts';
import { REPLAY_CODES } from '../autoscaler/replay/errors.ts';
import { RESULTS_CODES } from '../autoscaler/results/errors.ts';
import { SIMULATE_CODES } from '../autoscaler/simulator/errors.ts';
import { TRACE_CODES } from '../autoscaler/trace/errors.ts';
import { BASE_CODES } from '../base/codes.ts';
import { type CodeInfo, type CodeTable, EXIT_CODES } from '../base/errors.ts';
import { PROJECT_ROOT } from '../base/paths.ts';
import { SYSTEM_CODES } from '../base/system-error.ts';
import { BENCH_CODES } from '../bench/errors.ts';
import { CLI_CODES } from '../cli/errors.ts';
import { GUEST_CODES } from '../guest/protocol/errors.ts';
import { CH_CODES } from '../hypervisor-client/cloud-hypervisor/errors.ts';
import { VMM_CODES } from '../hypervisor-client/errors.ts';
import { IMAGE_CODES } from '../images/errors.ts';
import { LEDGER_CODES } from '../ledger/errors.ts';

export const PAGE_PATH = join(PROJECT_ROOT, 'docs', 'errors.md');

export interface CodeRoom {
  readonly title: string;
  /** The file with the table. */
  readonly source: string;
  readonly codes: CodeTable;
}

/** All tables of the project; a new one is added here. */
export const CODE_ROOMS: readonly CodeRoom[] = [
  { title: 'Command line', source: 'cli/errors.ts', codes: CLI_CODES },
  { title: 'Operating system', source: 'base/system-error.ts', codes: SYSTEM_CODES },
  { title: 'Files, locks, paths', source: 'base/codes.ts', codes: BASE_CODES },
  { title: 'Agent', source: 'agent/model/errors.ts', codes: AGENT_CODES },
  { title: 'Guest', source: 'guest/protocol/errors.ts', codes: GUEST_CODES },
  { title: 'VMM', source: 'hypervisor-client/errors.ts', codes: VMM_CODES },
  {
    title: 'Cloud Hypervisor',
    source: 'hypervisor-client/cloud-hypervisor/errors.ts',
    codes: CH_CODES,
  },
  { title: 'Ledger', source: 'ledger/errors.ts', codes: LEDGER_CODES },
  { title: 'Guest images', source: 'images/errors.ts', codes: IMAGE_CODES },
  { title: 'Traces', source: 'autoscaler/trace/errors.ts', codes: TRACE_CODES },
  { title: 'Memory expressions', source: 'agent/expression/errors.ts', codes: EXPRESSION_CODES },
  { title: 'Memory interfaces', source: 'autoscaler/mux/errors.ts', codes: MUX_CODES },
  { title: 'Simulation', source: 'autoscaler/simulator/errors.ts', codes: SIMULATE_CODES },
  { title: 'Replay', source: 'autoscaler/replay/errors.ts', codes: REPLAY_CODES },
  { title: 'Profile', source: 'autoscaler/profile/errors.ts', codes: PROFILE_CODES },
  { title: 'Results', source: 'autoscaler/results/errors.ts', codes: RESULTS_CODES },
  { title: 'Benches', source: 'bench/errors.ts', codes: BENCH_CODES },
];

function exitOf({ category, also = [] }: CodeInfo): string {
  return [category, ...also].map((one) => `${EXIT_CODES[one]} \`${one}\``).join(', ');
}

function rowOf([code, info]: readonly [string, CodeInfo]): string {
  const next = `${info.next.charAt(0).toUpperCase()}${info.next.slice(1)}`;
  return `| \`${code}\` | ${exitOf(info)} | ${info.meaning} | ${next} |`;
}

/** The whole page. Pure. */
export function renderPage(rooms: readonly CodeRoom[]): string {
  const sections = rooms.flatMap(({ title, source, codes }) => [
    `## ${title}`,
    '',
    `From \`${source}\`.`,
    '',
    '| code | exit code | meaning | usual next step |',
    '|---|---|---|---|',
    ...Object.entries(codes)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(rowOf),
    '',
  ]);
  return [
    '<!-- Written by `node tools/errors-page.ts`: change the tables in the sources, not this page. -->',
    '# Error codes',
    '',
    'Every error has a stable `code`, a category, which is the exit code of the command that ends with it,',
    'a message with the numbers, the next step, and `details` for programs. `--json` prints all of it, and',
    'over gRPC it travels whole. Match on `code`, never on texts. What exit codes mean, and what may',
    'change: [compatibility.md](compatibility.md). HOTPLANE_DEBUG=1 adds the stack.',
    '',
    ...sections,
  ].join('\n');
}

if (import.meta.main) await writeFile(PAGE_PATH, renderPage(CODE_ROOMS));
