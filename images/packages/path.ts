/** Paths as archives tell them. Pure. */
import { PACKAGE_LIMITS } from './limits.ts';

/**
 * The names on the way to a path below the root, none for the root itself; or, as a text, why it
 * cannot be taken.
 */
export function pathParts(path: string): readonly string[] | string {
  if (path.startsWith('/')) return 'is an absolute path';
  if (path.includes('\0')) return 'has a NUL in its name';
  if (path.includes('\uFFFD')) return 'has a name that is no UTF-8';
  if (Buffer.byteLength(path) > PACKAGE_LIMITS.path_bytes) return 'is too long a path';
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return "leads out of the tree by '..'";
  const long = parts.some((part) => Buffer.byteLength(part) > PACKAGE_LIMITS.name_bytes);
  return long ? 'has too long a name' : parts;
}
