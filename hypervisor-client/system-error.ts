/**
 * The code of a system error (`ENOENT`, `ECONNREFUSED`, ...), or null when it is something else.
 */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
