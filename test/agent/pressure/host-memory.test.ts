/** How much memory there is: the host's, or the least of the cgroups around us. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import {
  defaultLimitBytes,
  groupsUpwards,
  hierarchiesOf,
  parseLimit,
  readHostMemory,
} from '../../../agent/pressure/host-memory.ts';
import { GIB, MIB } from '../../../base/units.ts';

const UNLIMITED_V1 = '9223372036854771712\n';

interface Case {
  readonly name: string;
  readonly cgroup: string;
  /** Mount point below the test's folder, root of the mount, type and options. */
  readonly mounts: readonly (readonly [string, string, string, string])[];
  readonly files: Readonly<Record<string, string>>;
  readonly cgroup_bytes: number | null;
}

const CASES: readonly Case[] = [
  {
    name: 'v2: the limit of our own group',
    cgroup: '0::/agent\n',
    mounts: [['cg', '/', 'cgroup2', 'rw']],
    files: { 'cg/agent/memory.max': `${GIB}\n` },
    cgroup_bytes: GIB,
  },
  {
    name: 'v2: a group far above limits, ours says max',
    cgroup: '0::/a/b/c\n',
    mounts: [['cg', '/', 'cgroup2', 'rw']],
    files: {
      'cg/a/memory.max': `${2 * GIB}\n`,
      'cg/a/b/memory.max': 'max\n',
      'cg/a/b/c/memory.max': 'max\n',
    },
    cgroup_bytes: 2 * GIB,
  },
  {
    name: 'v2: the least of nested limits',
    cgroup: '0::/a/b\n',
    mounts: [['cg', '/', 'cgroup2', 'rw']],
    files: { 'cg/a/memory.max': `${GIB}\n`, 'cg/a/b/memory.max': `${3 * GIB}\n` },
    cgroup_bytes: GIB,
  },
  {
    name: 'v2 in a container: our group is the root of its mount',
    cgroup: '0::/\n',
    mounts: [['cg', '/', 'cgroup2', 'rw']],
    files: { 'cg/memory.max': `${512 * MIB}\n` },
    cgroup_bytes: 512 * MIB,
  },
  {
    name: 'v1: the limit of a group above ours',
    cgroup: '5:cpu:/x\n4:memory:/agent/one\n0::/\n',
    mounts: [['m', '/', 'cgroup', 'rw,memory']],
    files: {
      'm/memory.limit_in_bytes': UNLIMITED_V1,
      'm/agent/memory.limit_in_bytes': `${GIB}\n`,
      'm/agent/one/memory.limit_in_bytes': UNLIMITED_V1,
    },
    cgroup_bytes: GIB,
  },
  {
    name: 'v1 in a container: the mount shows our group as its root',
    cgroup: '4:memory:/docker/abc\n',
    mounts: [['m m', '/docker/abc', 'cgroup', 'rw,memory']],
    files: { 'm m/memory.limit_in_bytes': `${GIB}\n` },
    cgroup_bytes: GIB,
  },
  {
    name: 'v1 and v2 together: the least of both',
    cgroup: '4:memory:/a\n0::/b\n',
    mounts: [
      ['m', '/', 'cgroup', 'rw,memory'],
      ['cg', '/', 'cgroup2', 'rw'],
    ],
    files: { 'm/a/memory.limit_in_bytes': `${3 * GIB}\n`, 'cg/b/memory.max': `${2 * GIB}\n` },
    cgroup_bytes: 2 * GIB,
  },
  {
    name: 'no limit anywhere',
    cgroup: '0::/a\n',
    mounts: [['cg', '/', 'cgroup2', 'rw']],
    files: { 'cg/a/memory.max': 'max\n' },
    cgroup_bytes: null,
  },
  { name: 'no cgroups at all', cgroup: '', mounts: [], files: {}, cgroup_bytes: null },
];

for (const { name, cgroup, mounts, files, cgroup_bytes } of CASES) {
  test(name, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'hotplane-memory-'));
    t.teardown(() => rm(folder, { recursive: true }));
    const lines = mounts.map(
      ([mount, root, type, options], index) =>
        `${30 + index} 25 0:26 ${root} ${join(folder, mount).replaceAll(' ', '\\040')} ` +
        `rw,nosuid shared:9 - ${type} none ${options}\n`,
    );
    const all = {
      ...files,
      'proc/meminfo': `MemTotal:       ${(4 * GIB) / 1024} kB\nMemFree: 1 kB\n`,
      'proc/self/cgroup': cgroup,
      'proc/self/mountinfo': lines.join(''),
    };
    for (const [path, text] of Object.entries(all)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    t.deepEqual(readHostMemory({ proc: join(folder, 'proc') }), {
      total_bytes: 4 * GIB,
      cgroup_bytes,
      usable_bytes: cgroup_bytes ?? 4 * GIB,
    });
  });
}

test('groups are looked at upwards, and not beyond the mount', (t) => {
  t.deepEqual(groupsUpwards('/a/b', '/'), ['/a/b', '/a', '/']);
  t.deepEqual(groupsUpwards('/docker/x/y', '/docker/x'), ['/y', '/']);
  t.deepEqual(groupsUpwards('/elsewhere', '/docker/x'), ['/']);
  t.deepEqual(groupsUpwards('/../../up', '/'), ['/up', '/']);
});

test('what is no limit is none', (t) => {
  for (const text of ['max\n', UNLIMITED_V1, '', 'nonsense', '-1']) t.is(parseLimit(text), null);
  t.is(parseLimit('1073741824\n'), GIB);
});

test('text that is no mountinfo is no hierarchy', (t) => {
  t.deepEqual(hierarchiesOf('4:memory:/a\n', 'nonsense\n - \n'), []);
});

const limit = (usable_bytes: number): number =>
  defaultLimitBytes({ total_bytes: 64 * GIB, cgroup_bytes: usable_bytes, usable_bytes });

test('the default limit leaves a reserve, also in a small cgroup', (t) => {
  t.is(limit(GIB), 768 * MIB);
  t.true(limit(20 * GIB) <= 19 * GIB && limit(20 * GIB) > 18 * GIB);
  t.is(limit(300 * MIB), 150 * MIB);
});
