import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { PROJECT_ROOT } from '../../base/paths.ts';

const PATCHES = join(PROJECT_ROOT, 'guest-kernel-patches');

/** What the init uses of it, and the first revision that has it. */
const USED = [
  { what: /HOTMEM_IOC_ATTACH\s+(_IOW\([^)]*\))/g, revision: 1 },
  { what: /HOTMEM_IOC_JOIN\s+(_IOW\([^)]*\))/g, revision: 11 },
  { what: /HOTMEM_JOIN_MAX\s+(\d+)$/gm, revision: 11 },
  { what: /struct hotmem_attach \{([^}]*)\}/g, revision: 1 },
  { what: /struct hotmem_member \{([^}]*)\}/g, revision: 11 },
  { what: /struct hotmem_join \{([^}]*)\}/g, revision: 11 },
] as const;

/** The last of a text, without comments and blanks. */
function lastOf(text: string, what: RegExp): string | undefined {
  const plain = text.replaceAll(/\/\*[^]*?\*\//g, '');
  return [...plain.matchAll(what)].at(-1)?.[1]?.replaceAll(/\s+/g, ' ').trim();
}

test('the init speaks the ABI of the series', async (t) => {
  const revision = Number(await readFile(join(PATCHES, 'REVISION'), 'utf8'));
  const names = (await readdir(PATCHES)).filter((name) => name.endsWith('.patch'));
  const texts = await Promise.all(
    names.toSorted().map((name) => readFile(join(PATCHES, name), 'utf8')),
  );
  const series = texts.join('\n').replaceAll(/^\+/gm, '');
  const ours = await readFile(join(PROJECT_ROOT, 'guest/init/hotmem_abi.h'), 'utf8');
  for (const one of USED) {
    t.true(lastOf(ours, one.what) !== undefined, String(one.what));
    if (revision < one.revision) continue;
    t.is(lastOf(ours, one.what), lastOf(series, one.what), String(one.what));
  }
});
