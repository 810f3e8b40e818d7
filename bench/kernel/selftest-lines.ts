/**
 * The host's side of the selftest protocol (guest-kernel-patches/SELFTESTS.md): finds what the
 * program asks of the host and its KTAP results in the lines of a console. Pure.
 */

export interface ResizeRequest {
  readonly pci_address: string;
  readonly bytes: number;
}

/** `# host: resize 0000:00:10.0 268435456`, kernel messages may stand before it; else null. */
export function parseHostRequest(line: string): ResizeRequest | null {
  const match = /# host: resize (\S+) (\d+)\s*$/.exec(line);
  return match?.[1] === undefined ? null : { pci_address: match[1], bytes: Number(match[2]) };
}

export interface CaseResult {
  readonly name: string;
  readonly outcome: 'pass' | 'fail' | 'skip';
  readonly detail: string;
}

const RESULT = /(?:^|\s)(not )?ok \d+ (?:[a-z0-9_]+\.)?([a-z0-9_]+)(?: # (.*?))?\s*$/;

/**
 * One KTAP result line of a case, else null. Its name is without that of the fixture, which
 * kselftest_harness.h puts before it.
 */
export function parseCase(line: string): CaseResult | null {
  const match = RESULT.exec(line);
  if (match?.[2] === undefined) return null;
  const detail = match[3] ?? '';
  const skipped = /^SKIP\b/i.test(detail);
  return { name: match[2], outcome: match[1] ? 'fail' : skipped ? 'skip' : 'pass', detail };
}

export interface Totals {
  readonly pass: number;
  readonly fail: number;
  readonly skip: number;
}

/** What an assertion of the harness says, `Expected 0 (0) == rc (1)`, and where; else null. */
export function parseExpectation(line: string): string | null {
  const match = /# (\S+\.[ch]:\d+:[a-z0-9_]+:.*?)\s*$/.exec(line);
  return match?.[1] ?? null;
}

/** The last line of the program, else null. */
export function parseTotals(line: string): Totals | null {
  const match = /# Totals: pass:(\d+) fail:(\d+) xfail:\d+ xpass:\d+ skip:(\d+)/.exec(line);
  if (!match) return null;
  return { pass: Number(match[1]), fail: Number(match[2]), skip: Number(match[3]) };
}

/**
 * How many requests and allocations the case `stress` let fail, from its last comment; else null.
 */
export function parseInjected(
  line: string,
): { readonly requests: number; readonly allocations: number } | null {
  const match = /# stress: (\d+) requests to the host and (\d+) allocations failed/.exec(line);
  return match ? { requests: Number(match[1]), allocations: Number(match[2]) } : null;
}

/** Lines of a kernel log that no clean run has; oops, warnings, lockdep and sanitizer reports. */
const SPLAT =
  /\b(BUG:|WARNING:|Oops|KASAN:|UBSAN:|general protection fault|INFO: task .* blocked|Bad page|unreferenced object|possible (?:recursive|circular) locking|suspicious RCU)/;

export function splats(console_text: string): string[] {
  return console_text.split('\n').filter((line) => SPLAT.test(line));
}
