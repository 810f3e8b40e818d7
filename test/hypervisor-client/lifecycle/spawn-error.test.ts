/** Each cause of a failed start has its own code and next step. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { isHotplaneError } from '../../../base/errors.ts';
import { qemuVersion } from '../../../hypervisor-client/qemu/binary.ts';
import { spawnError } from '../../../hypervisor-client/lifecycle/spawn-error.ts';

const CAUSES = [
  { errno: 'ENOENT', code: 'HP_VMM_MISSING', next: /Install/ },
  { errno: 'EACCES', code: 'HP_VMM_DENIED', next: /execute/ },
  { errno: 'EPERM', code: 'HP_VMM_DENIED', next: /execute/ },
  { errno: 'EMFILE', code: 'HP_SYSTEM_TOO_MANY_FILES', next: /ulimit -n/ },
  { errno: 'ENFILE', code: 'HP_SYSTEM_TOO_MANY_FILES', next: /ulimit -n|LimitNOFILE/ },
  { errno: 'ENOMEM', code: 'HP_VMM_NO_PROCESS', next: /memory/ },
  { errno: 'EAGAIN', code: 'HP_VMM_NO_PROCESS', next: /ulimit -u/ },
  { errno: 'ENOSPC', code: 'HP_SYSTEM_NO_SPACE', next: /space/ },
] as const;

for (const { errno, code, next } of CAUSES) {
  test(`${errno} is ${code}`, (t) => {
    const cause = Object.assign(new Error(`spawn ${errno}`), { code: errno, syscall: 'spawn' });
    const error = spawnError('qemu', cause, 'Install it.');
    t.true(isHotplaneError(error));
    t.like(error, { code });
    if (isHotplaneError(error)) t.regex(error.next, next);
  });
}

test('a program that is not there is missing, one that may not be run is denied', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-spawn-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'qemu');
  t.like(await t.throwsAsync(qemuVersion(path)), { code: 'HP_VMM_MISSING' });
  await writeFile(path, '#!/bin/sh\n');
  await chmod(path, 0o600);
  t.like(await t.throwsAsync(qemuVersion(path)), { code: 'HP_VMM_DENIED' });
});
