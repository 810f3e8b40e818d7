/** Files another process writes without end stay small, with their end kept. */
import { appendFile, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { cutIfLarge, keepBounded } from '../../../hypervisor-client/host/bounded-files.ts';
import { lastLines, readTail } from '../../../hypervisor-client/host/log-tail.ts';
import { VMM_LIMITS } from '../../../hypervisor-client/limits.ts';
import { MIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';

async function scratch(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-bounded-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return join(folder, 'console.log');
}

const onDisk = async (path: string): Promise<number> => (await stat(path)).blocks * 512;
const piece = (n: number): Buffer => Buffer.from(`line ${n}\n`.padStart(MIB, 'x'));

for (const appends of [true, false]) {
  test(`100 MiB from a writer that ${appends ? 'appends' : 'keeps its own offset'} take a few MiB`, async (t) => {
    const path = await scratch(t);
    await writeFile(path, '');
    await using writer = await open(path, appends ? 'a' : 'r+');
    let offset = 0;
    let most = 0;
    for (let n = 0; n < 100; n += 1) {
      const { bytesWritten } = await writer.write(piece(n), 0, MIB, appends ? null : offset);
      offset += bytesWritten;
      await cutIfLarge({ path, appends });
      most = Math.max(most, await onDisk(path));
    }
    t.true(most <= VMM_LIMITS.console_bytes_max + 2 * MIB, `${most} bytes`);
    t.true(
      lastLines(await readTail(path), 1).endsWith('line 99') ||
        (await readTail(path)).includes('line 99'),
    );
    if (appends) t.true((await stat(path)).size <= VMM_LIMITS.console_bytes_max + 2 * MIB);
  });
}

test('a small file and one that is not there are left alone', async (t) => {
  const path = await scratch(t);
  t.false(await cutIfLarge({ path, appends: true }));
  await appendFile(path, 'all of it\n');
  t.false(await cutIfLarge({ path, appends: true }));
  t.is(await readTail(path), 'all of it\n');
});

test('it is looked at until the end, and once more then', async (t) => {
  const path = await scratch(t);
  const clock = new FakeClock();
  const over = new AbortController();
  const bounding = keepBounded([{ path, appends: true }], clock, over.signal);
  await writeFile(path, Buffer.alloc(8 * MIB, 'x'));
  over.abort();
  await bounding;
  t.true((await onDisk(path)) <= VMM_LIMITS.console_kept_bytes + 4_096);
});
