/** Many fakes in one process, for the benchmark: `node bench-farm.ts DIR COUNT`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FakeCloudHypervisor } from '../../hypervisor-client/testing/fake-cloud-hypervisor/index.ts';
import { configIn } from '../../test/hypervisor-client/cloud-hypervisor/stage.ts';

const [root = '', count = '1'] = process.argv.slice(2);
await mkdir(root, { recursive: true });
await writeFile(join(root, 'kernel'), 'fake-kernel\n');
const settings = { guest: { boot_ms: 1 } };
for (let index = 0; index < Number(count); index += 1) {
  const fake = new FakeCloudHypervisor({ socket_path: join(root, `${index}.sock`), settings });
  await fake.listen();
  fake.machine.create(configIn(root));
  fake.machine.boot();
}
console.log('ready');
