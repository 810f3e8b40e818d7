/** What of a kernel a patch touches, as far as a configuration builds it. Pure. */
import type { ConfigValues } from './config.ts';

/** Files that a patch leaves behind changed or new, in its order. */
export function filesOfPatch(patch: string): readonly string[] {
  const found = [...patch.matchAll(/^\+\+\+ b\/(\S+)/gm)].map(([, file = '']) => file);
  return [...new Set(found)];
}

/**
 * What of a patch can change a kernel or its selftest: not the mail around it, nor what it says in
 * the documentation. All of one that git did not make.
 */
export function builtText(patch: string): string {
  const [, ...files] = patch.split(/^(?=diff --git )/m);
  if (files.length === 0) return patch;
  return files
    .filter((text) => !isProse(text))
    .map((text) => text.replace(/\n-- \n[\d.]+\n*$/, '\n'))
    .join('');
}

/** A kernel is configured with `Documentation/Kconfig`, too. */
function isProse(file_patch: string): boolean {
  const path = /^diff --git a\/(\S+)/.exec(file_patch)?.[1] ?? '';
  if (path === 'MAINTAINERS') return true;
  return path.startsWith('Documentation/') && !path.endsWith('/Kconfig');
}

/** `mm/hotmem/pool.c` as `mm/hotmem/pool.o`; null for what this architecture has no object of. */
export function objectOf(file: string, arch: string): string | null {
  if (!file.endsWith('.c') || /^(tools|samples|scripts|Documentation|usr)\//.test(file))
    return null;
  const foreign = file.startsWith('arch/') && !file.startsWith(`arch/${arch}/`);
  return foreign ? null : `${file.slice(0, -2)}.o`;
}

/**
 * Whether a Makefile builds `name` (an object, or a folder with a slash at its end): null when no
 * line names it; false when all that do hang on options that are off.
 */
export function isBuilt(makefile: string, name: string, config: ConfigValues): boolean | null {
  const lines = makefile.replaceAll(/\\\n/g, ' ').split('\n');
  const conditions = lines.flatMap((line) => {
    const [, option, named = ''] = /^[\w-]+-\$\((CONFIG_\w+)\)\s*[:+]?=\s*(.*)$/.exec(line) ?? [];
    const always = /^[\w-]+-(?:y|objs)\s*[:+]?=\s*(.*)$/.exec(line)?.[1] ?? '';
    if (always.split(/\s+/).includes(name)) return [true];
    if (option === undefined || !named.split(/\s+/).includes(name)) return [];
    return [/^[ym]$/.test(config.get(option) ?? 'n')];
  });
  return conditions.length === 0 ? null : conditions.includes(true);
}
