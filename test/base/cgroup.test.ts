/**
 * Goal: the limit that really holds is found, as containers and units set it. Method: folders as
 * Linux shows them.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { cgroupLimits, type CgroupLimits } from '../../base/cgroup.ts';
import { GIB } from '../../base/units.ts';

function hostWith(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'hotplane-cgroup-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const GROUP = 'proc/self/cgroup';
const V1 = '9:cpu,cpuacct:/job\n4:memory:/job\n1:name=systemd:/x\n';
const NONE: CgroupLimits = {
  version: null,
  memory_max_bytes: null,
  swap_max_bytes: null,
  cpus: null,
};

const HOSTS: readonly (readonly [string, Readonly<Record<string, string>>, CgroupLimits])[] = [
  ['no cgroup at all', {}, NONE],
  [
    'version 2, a limit above it is less than its own',
    {
      [GROUP]: '0::/a.slice/b.service\n',
      'sys/fs/cgroup/a.slice/memory.max': `${GIB}\n`,
      'sys/fs/cgroup/a.slice/b.service/memory.max': `${2 * GIB}\n`,
      'sys/fs/cgroup/a.slice/b.service/memory.swap.max': '0\n',
      'sys/fs/cgroup/a.slice/b.service/cpu.max': '150000 100000\n',
    },
    { version: 2, memory_max_bytes: GIB, swap_max_bytes: 0, cpus: 1.5 },
  ],
  [
    'version 2 without limits',
    { [GROUP]: '0::/\n', 'sys/fs/cgroup/memory.max': 'max\n', 'sys/fs/cgroup/cpu.max': 'max 9\n' },
    { ...NONE, version: 2 },
  ],
  [
    'a container that is told the path of its host',
    { [GROUP]: '0::/docker/0123\n', 'sys/fs/cgroup/memory.max': `${GIB}\n` },
    { ...NONE, version: 2, memory_max_bytes: GIB },
  ],
  [
    'version 1',
    {
      [GROUP]: V1,
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/memory/job/memory.limit_in_bytes': `${3 * GIB}\n`,
      'sys/fs/cgroup/cpu/job/cpu.cfs_quota_us': '50000\n',
      'sys/fs/cgroup/cpu/job/cpu.cfs_period_us': '100000\n',
    },
    { version: 1, memory_max_bytes: 3 * GIB, swap_max_bytes: null, cpus: 0.5 },
  ],
  [
    'version 1 without limits, beside an empty version 2',
    {
      [GROUP]: `${V1}0::/job\n`,
      'sys/fs/cgroup/memory/job/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/cpu/job/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/job/cpu.cfs_period_us': '100000\n',
    },
    { ...NONE, version: 1 },
  ],
];

for (const [what, files, limits] of HOSTS) {
  test(`limits of a host with ${what}`, (t) => {
    t.deepEqual(cgroupLimits(hostWith(t, files)), limits);
  });
}

test('this machine can be asked too', (t) => {
  t.notThrows(() => cgroupLimits());
});
