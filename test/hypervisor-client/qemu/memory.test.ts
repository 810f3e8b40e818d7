/** The memory of a QEMU VM, with a QMP server of which nothing is asked. */
import test from 'ava';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIB } from '../../../base/units.ts';
import { QemuMemory } from '../../../hypervisor-client/qemu/memory.ts';
import { QmpClient } from '../../../hypervisor-client/qemu/qmp.ts';
import { deviceOf, placedRegions } from '../../../hypervisor-client/spec.ts';
import { leastVm } from '../lifecycle/vm-spec.ts';

test('a pause of a resize that was cut takes no news from the next one', async (t) => {
  const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-memory-'));
  t.teardown(async () => await rm(run_dir, { recursive: true, force: true }));
  const path = join(run_dir, 'qmp.sock');
  const server = createServer((socket) => {
    socket.write('{"QMP":{"version":{},"capabilities":[]}}\n');
    socket.on('data', (chunk) => {
      const { id }: { id: number } = JSON.parse(chunk.toString());
      socket.write(`{"return":{},"id":${id}}\n`);
    });
  });
  server.listen(path).unref();
  await once(server, 'listening');
  const qmp = await QmpClient.connect(path);
  t.teardown(() => qmp.close());
  const device = deviceOf({ id: 'r0', max_bytes: 128 * MIB, initial_bytes: 0 });
  const spec = { ...leastVm(run_dir), devices: [device] };
  const memory = new QemuMemory({
    qmp,
    spec,
    pid: process.pid,
    backings: [],
    tellIfGone: async (call) => await call,
    readHugePages: () => ({ total: 0, free: 0 }),
  });
  const [placed] = placedRegions(spec);
  const port = placed && memory.portOf(placed);
  // A cut shrink is over before its pause is, and the growth it was cut for has begun.
  const heard: string[] = [];
  const endShrink = port?.onNews?.(() => void heard.push('shrink'));
  const endGrowth = port?.onNews?.(() => void heard.push('growth'));
  endShrink?.();
  memory.wake('r0');
  t.deepEqual(heard, ['growth']);
  endGrowth?.();
  memory.wake('r0');
  t.deepEqual(heard, ['growth']);
});
