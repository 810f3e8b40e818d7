/** Limits of packages: what one archive or folder may bring. */
import { GIB, MIB } from '../../base/units.ts';

export const PACKAGE_LIMITS = {
  /** Unpacked bytes of one package, all layers together, before one hides what another has. */
  unpacked_bytes: 4 * GIB,
  /** Files, folders and links that all layers of one package may name. */
  entries: 500_000,
  layers: 256,
  /** PATH_MAX and NAME_MAX of Linux. */
  path_bytes: 4_095,
  name_bytes: 255,
  /** Links that one path may lead through (MAXSYMLINKS of Linux). */
  link_hops: 40,
  /** One JSON document of an OCI layout. */
  document_bytes: 4 * MIB,
  /** Indexes of an OCI layout within one another. */
  index_depth: 4,
  /** Images of one base runtime or function; older ones are not looked for. */
  listed: 1_024,
} as const;
