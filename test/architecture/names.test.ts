/** One exported name means one thing: a reader who looks for it finds the right file first. */
import test from 'ava';
import { readSources } from './sources.ts';

const EXPORT =
  /^export (?:abstract )?(?:async )?(?:function\*?|const|class|interface|type) ([\w$]+)/gm;

/**
 * Groups of files that stand in each other's place or are made from each other: what has the same
 * role in two of one group may have the same name.
 */
const GROUPS: readonly (readonly [reason: string, files: RegExp])[] = [
  ['commands of the same kind, read one at a time', /^bench\/(agent|core|invoke|reclaim)\//],
  ['a line of a file is the record, with its mechanism', /^(agent\/model|autoscaler\/results)\//],
];

/** What another program calls so, and the package offers under that name. */
const WIRE = /^hypervisor-client\/cloud-hypervisor\/(types|api|transport\.ts)/;

test('no two files export different things under one name', (t) => {
  const places = new Map<string, string[]>();
  for (const { path, code } of readSources()) {
    if (WIRE.test(path)) continue;
    for (const [, name = ''] of code.matchAll(EXPORT)) {
      places.set(name, [...new Set([...(places.get(name) ?? []), path])]);
    }
  }
  t.true(places.size > 1_000, `only ${places.size} names were seen`);
  const twice = [...places]
    .filter(([, paths]) => paths.length > 1)
    .filter(([, paths]) => !GROUPS.some(([, group]) => paths.every((path) => group.test(path))))
    .map(([name, paths]) => `${name}: ${paths.join(', ')}`);
  t.deepEqual(twice, []);
});
