/** Figures of the page that can be read by their keys. Pure. */
import { escapeText } from '../../base/chart/svg.ts';
import { formatBytes } from '../../base/units.ts';

/** `value`: what it is; null is shown as what it is: not known. */
export function keyed(key: string, value: number | null, shown: string): string {
  const name = escapeText(key);
  return `<b data-key="${name}" data-value="${value ?? 'unknown'}">${escapeText(shown)}</b>`;
}

export const keyedBytes = (key: string, value: number | null): string =>
  keyed(key, value, value === null ? 'not known' : formatBytes(value));
