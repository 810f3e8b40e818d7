/**
 * Makes text from outside (guests, consoles, files, names in traces) fit to be shown: nothing in it
 * moves a terminal's cursor, rings, hides or reorders what stands beside it. Pure.
 */

/** C0 and C1 controls, line and paragraph separators, directional overrides, lone surrogates. */
const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex -- these are the ones to be replaced
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** On one line, each such character as a visible sign, cut to `longest` characters. */
export function printable(text: string, longest = 256): string {
  const shown = text.slice(0, longest + 1).replaceAll(UNPRINTABLE, '\ufffd');
  return shown.length > longest ? `${shown.slice(0, longest - 1)}…` : shown;
}
