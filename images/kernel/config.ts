/** Kernel configuration from fragments: merging them, and checking what the kernel made of them. */
import { imageError } from '../errors.ts';

export type ConfigValues = ReadonlyMap<string, string>;

/** Options of a fragment or a `.config`; `# CONFIG_X is not set` reads as `n`. Pure. */
export function parseConfig(text: string): ConfigValues {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const set = /^(CONFIG_[A-Za-z0-9_]+)=(.*)$/.exec(line.trim());
    const unset = /^# (CONFIG_[A-Za-z0-9_]+) is not set$/.exec(line.trim());
    if (set?.[1] !== undefined) values.set(set[1], set[2] ?? '');
    else if (unset?.[1] !== undefined) values.set(unset[1], 'n');
  }
  return values;
}

/** One fragment out of several; a later one wins. Pure. */
export function mergeFragments(fragments: readonly string[]): string {
  const merged = new Map<string, string>();
  for (const fragment of fragments) {
    for (const [name, value] of parseConfig(fragment)) merged.set(name, value);
  }
  const lines = [...merged].map(([name, value]) => `${name}=${value}`);
  return `${lines.join('\n')}\n`;
}

/** Options the kernel did not take over, because one they depend on is missing. Pure. */
export function lostOptions(wanted: ConfigValues, actual: ConfigValues): readonly string[] {
  return [...wanted]
    .filter(([name, value]) => (actual.get(name) ?? 'n') !== value)
    .map(([name, value]) => `${name}=${value} (is ${actual.get(name) ?? 'n'})`);
}

export function checkKernelConfig(wanted: string, actual: string): void {
  const lost = lostOptions(parseConfig(wanted), parseConfig(actual));
  if (lost.length === 0) return;
  throw imageError(
    'HP_IMAGE_KERNEL_CONFIG',
    `The kernel did not take over ${lost.length} options: ${lost.slice(0, 8).join(', ')}.`,
    { details: { lost } },
  );
}
