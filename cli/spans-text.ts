/** What became of a function's named spans, as `hotplane status` tells it. Pure. */
import type { SpansStatus } from '../agent/model/span-messages.ts';
import { printable } from '../base/printable.ts';
import { formatBytes, formatMs } from '../base/units.ts';

/** Told of a function that can have spans, also where none was opened yet. */
export function spansText(spans: SpansStatus | null, now_ms: number): string {
  if (!spans) return '';
  const { opened, open, waiting, open_bytes, plugged_bytes, held_gib_s } = spans;
  return (
    `  spans       ${opened} opened, ${open} open now (${formatBytes(open_bytes)} asked for, ` +
    `${formatBytes(plugged_bytes)} plugged), ${waiting} waiting; ${deniedText(spans, now_ms)}; ` +
    `held ${held_gib_s.toFixed(3)} GiB s\n`
  );
}

function deniedText(
  { denied, last_denied_code, last_denied_span, last_denied_at_ms }: SpansStatus,
  now_ms: number,
): string {
  if (last_denied_code === null || last_denied_at_ms === null) return `${denied} denied`;
  const ago = formatMs(Math.max(0, now_ms - last_denied_at_ms));
  const which = printable(last_denied_span ?? '', 64);
  return `${denied} denied (last '${which}' ${ago} ago: ${printable(last_denied_code, 64)})`;
}
