/**
 * docs/drivers.md, written from the profiles that the suite asserts:
 *
 *   node test/hypervisor-client/conformance/drivers-page.ts
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { formatBytes } from '../../../base/units.ts';
import {
  type DriverProfile,
  PROFILES,
} from '../../../hypervisor-client/testing/conformance/profiles.ts';

export const PAGE_PATH = join(PROJECT_ROOT, 'docs', 'drivers.md');

const WRITE = 'node test/hypervisor-client/conformance/drivers-page.ts';

type Row = readonly [title: string, cell: (profile: DriverProfile) => string];

const taken = (bytes: number): string => (bytes === 0 ? 'none' : formatBytes(bytes));
const code = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(' ');

const ROWS: readonly Row[] = [
  ['oldest version it takes', ({ oldest_version }) => oldest_version.join('.')],
  ['accelerators', ({ accelerators }) => accelerators.join(', ')],
  ['memory devices of one VM, at most', ({ devices_per_vm }) => `${devices_per_vm}`],
  ['regions of one VM, at most (several a device)', ({ regions_per_vm }) => `${regions_per_vm}`],
  ['what the VMM tells as plugged', (one) => (one.plugged_per_device ? 'each device' : 'the sum')],
  ['devices of one VM that move at once', ({ resizes_at_once }) => resizes_at_once],
  ['regions of one device that move at once', () => 'one'],
  ['boot memory a device takes', ({ device_boot_bytes }) => taken(device_boot_bytes)],
  ['the same, with a guest node of its own', ({ node_boot_bytes }) => taken(node_boot_bytes)],
  [
    'host backings of which what is plugged reads zero',
    ({ plugged_reads_zero }) => plugged_reads_zero.join(', ') || 'none',
  ],
  [
    'host backings of which what is plugged has its pages at once, where asked for',
    ({ populates_plugged }) => populates_plugged.join(', ') || 'none',
  ],
  [
    'refused in paths',
    (one) => (one.refused_in_paths ? code(Array.from(one.refused_in_paths)) : 'nothing'),
  ],
  ['sockets in the run folder', ({ sockets }) => code(sockets)],
];

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** The whole page. Pure. */
export function renderPage(profiles: readonly DriverProfile[]): string {
  return [
    `<!-- Written by \`${WRITE}\`: change hypervisor-client/testing/conformance/profiles.ts, not this page. -->`,
    '# Drivers',
    '',
    'Every driver is held to one set of behaviours (`hypervisor-client/testing/conformance/behaviours/`), the same for all.',
    'What a user of the interface can still tell them apart by is in this table; the suite asserts each',
    'line of it on each driver. `fake` is the driver for Cloud Hypervisor with the fake server behind it.',
    '',
    line(['', ...profiles.map(({ title }) => `\`${title}\``)]),
    line(['---', ...profiles.map(() => '---')]),
    ...ROWS.map(([title, cell]) => line([title, ...profiles.map(cell)])),
    '',
    'Whatever the VMM tells, `observe` and `resizeRegion` answer for each region. Which driver runs is',
    'chosen by one option: `--vmm auto|qemu|cloud-hypervisor` of `hotplane agent` and `hotplane replay`;',
    '`auto` takes Cloud Hypervisor where it is installed and KVM runs guests, else QEMU. What each driver',
    'does to keep the promises: `hypervisor-client/README.md` and',
    '`hypervisor-client/cloud-hypervisor/README.md`.',
    '',
  ].join('\n');
}

if (import.meta.main) await writeFile(PAGE_PATH, renderPage(PROFILES));
