/** What `hotplane top` shows of a status, as lines that fit a terminal. Pure. */
import type { FunctionStatus, StatusResponse } from '../agent/api/client.ts';
import type { MemoryStatus, SpansStatus } from '../agent/model/span-messages.ts';
import { printable } from '../base/printable.ts';
import { counted, formatBytes } from '../base/units.ts';
import { cordonText } from './host-text.ts';
import { cut } from './table.ts';

export interface Terminal {
  readonly columns: number;
  /** Lines there are; what does not fit is counted in the last one. */
  readonly rows: number;
  /** Elastic memory and named spans before everything else. */
  readonly memory_first?: boolean;
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly text: (fn: FunctionStatus) => string;
}

const size = (bytes: number | null): string => (bytes === null ? '?' : formatBytes(bytes));

const NONE = '-';

/** Its elastic memory, where it has some; of its spans, where it can have any. */
const ofMemory =
  (part: (memory: MemoryStatus) => string) =>
  ({ memory }: FunctionStatus): string =>
    memory ? part(memory) : NONE;
const ofSpans =
  (part: (spans: SpansStatus) => string) =>
  ({ spans }: FunctionStatus): string =>
    spans ? part(spans) : NONE;

/** What it is doing, and with how much of the host. */
const USE: readonly Column[] = [
  // Its VM's, the longest there: a function's own is what `hotplane functions` calls STATE.
  { title: 'VM', width: 12, text: ({ vm_state }) => vm_state },
  { title: 'BUSY', width: 4, text: (fn) => String(fn.instances_busy) },
  { title: 'IDLE', width: 4, text: (fn) => String(fn.instances_idle) },
  { title: 'QUEUE', width: 5, text: (fn) => String(fn.invocations_queued) },
  { title: 'PERMITS', width: 9, text: (fn) => size(fn.permits_bytes) },
  { title: 'RESIDENT', width: 9, text: (fn) => size(fn.vm_resident_bytes) },
];

/** Memory that follows its use, of all its instances together. */
const ELASTIC: readonly Column[] = [
  { title: 'BASELINE', width: 9, text: ofMemory((one) => formatBytes(one.baseline_bytes)) },
  { title: 'NOW', width: 9, text: ofMemory((one) => formatBytes(one.plugged_bytes)) },
  { title: 'MAX', width: 9, text: ofMemory((one) => formatBytes(one.max_bytes)) },
  { title: 'WAITS', width: 5, text: ofMemory(({ waits }) => String(waits)) },
  { title: 'ABOVE', width: 11, text: ofMemory(({ above_gib_s }) => gibSeconds(above_gib_s)) },
];

/** Named spans that are open, and the memory that they have. */
const SPANS: readonly Column[] = [
  { title: 'SPANS', width: 5, text: ofSpans(({ open }) => String(open)) },
  { title: 'IN SPANS', width: 9, text: ofSpans((one) => formatBytes(one.plugged_bytes)) },
];

const REST: readonly Column[] = [
  { title: 'BOOT', width: 9, text: (fn) => size(fn.boot_bytes) },
  { title: 'VMS', width: 3, text: (fn) => String(fn.vms.length) },
  { title: 'STARTS', width: 6, text: (fn) => String(fn.instances_started) },
  { title: 'MIGRATED', width: 8, text: (fn) => String(fn.pages_migrated ?? '?') },
];

/**
 * The most important ones first: a narrow terminal has those that fit. Of elastic memory and spans
 * there are none where no function has them; `memory_first`: those are the most important.
 */
function columnsFor(functions: readonly FunctionStatus[], memory_first: boolean): Column[] {
  const elastic = functions.some(({ memory }) => memory) ? ELASTIC : [];
  const spans = functions.some((one) => one.spans) ? SPANS : [];
  const memory = [...elastic, ...spans];
  return memory_first ? [...memory, ...USE, ...REST] : [...USE, ...memory, ...REST];
}

const gibSeconds = (gib_s: number): string => `${gib_s.toFixed(gib_s < 1_000 ? 1 : 0)} GiB s`;

const NAME_COLUMNS_MIN = 12;
const NAME_COLUMNS_MAX = 40;

/** Functions with the most memory first. No line is wider than the terminal. */
export function topLines(status: StatusResponse, terminal: Terminal): string[] {
  const { columns, rows, memory_first = false } = terminal;
  const { granted_bytes, host_limit_bytes, free_bytes } = status;
  const share = host_limit_bytes > 0 ? Math.round((100 * granted_bytes) / host_limit_bytes) : 0;
  const head = [
    `hotplane ${status.version}  ${formatBytes(granted_bytes)} of ${formatBytes(host_limit_bytes)} ` +
      `granted (${share} %), ${formatBytes(free_bytes)} free`,
    summary(status.functions),
    ...(status.cordon ? [cordonText(status.cordon)] : []),
    '',
  ];
  const functions = status.functions.toSorted((a, b) => {
    const more = b.permits_bytes + b.boot_bytes - a.permits_bytes - a.boot_bytes;
    return more || (a.function.name < b.function.name ? -1 : 1);
  });
  const room = Math.max(1, rows - head.length - 1);
  const fits = functions.length <= room;
  const shown = fits ? functions : functions.slice(0, Math.max(0, room - 1));
  const those = columnsFor(functions, memory_first);
  const lines = [...head, ...table(shown, those, columns)];
  if (!fits) lines.push(`and ${functions.length - shown.length} more functions`);
  return lines.map((line) => cut(line, columns));
}

function summary(functions: readonly FunctionStatus[]): string {
  const sum = (part: (fn: FunctionStatus) => number): number =>
    functions.reduce((total, fn) => total + part(fn), 0);
  return (
    `${counted(functions.length, 'function')}, ` +
    `${counted(
      sum(({ vms }) => vms.length),
      'VM',
    )}, ` +
    `${sum((fn) => fn.instances_busy)} busy, ${sum((fn) => fn.instances_idle)} idle, ` +
    `${sum((fn) => fn.invocations_queued)} queued`
  );
}

function table(
  functions: readonly FunctionStatus[],
  those: readonly Column[],
  columns: number,
): string[] {
  const longest = Math.max(8, ...functions.map((fn) => fn.function.name.length));
  const name_width = Math.max(NAME_COLUMNS_MIN, Math.min(longest, NAME_COLUMNS_MAX));
  let width = name_width;
  const fitting: Column[] = [];
  for (const column of those) {
    width += column.width + 2;
    if (width > columns) break;
    fitting.push(column);
  }
  const row = (name: string, texts: readonly string[]): string => {
    const cells = texts.map((text, index) => `  ${text.padStart(fitting[index]?.width ?? 0)}`);
    return cut(name, name_width).padEnd(name_width) + cells.join('');
  };
  return [
    row(
      'FUNCTION',
      fitting.map(({ title }) => title),
    ),
    ...functions.map((fn) =>
      row(
        printable(fn.function.name),
        fitting.map(({ text }) => text(fn)),
      ),
    ),
  ];
}
