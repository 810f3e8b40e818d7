/** `  CC      mm/slub.o` reads as `mm/slub.o`; null for a line that is no build step. Pure. */
export function makeDetail(line: string): string | null {
  return /^ {2}[A-Z][A-Z0-9_]*(?: \[M\])? +(\S+)/.exec(line)?.[1] ?? null;
}
