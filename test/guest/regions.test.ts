/**
 * Goal: the guest's init finds the partition and the device of a region without listing the others,
 * however many there are, and never takes one for another.
 * Method: its look-up runs on the host over folders of links as sysfs has them; opened folders are
 * counted.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { PROJECT_ROOT } from '../../base/paths.ts';

/** As many as a VM may have. */
const REGIONS = 192;
const dir = mkdtempSync(join(tmpdir(), 'hotplane-regions-'));
const probe = join(dir, 'regions_probe');
const folders = { class: join(dir, 'class'), driver: join(dir, 'driver') };

const pciOf = (index: number): string =>
  `0000:00:${(8 + (index >> 3)).toString(16).padStart(2, '0')}.${index & 7}`;
const deviceOf = (pci: string, virtio: string): string => `../devices/pci0000:00/${pci}/${virtio}`;
const partitionOf = (pci: string, virtio: string, number = 0): string =>
  `${deviceOf(pci, virtio)}/hotmem/${virtio}.${number}`;

test.before(() => {
  const flags =
    '-std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined ' +
    '-fno-sanitize-recover=all -Wl,--wrap=opendir';
  const places = [`-DCLASS_DIR="${folders.class}"`, `-DDRIVER_DIR="${folders.driver}"`];
  const init = ['hotmem.c', 'devices.c', 'files.c'].map((name) =>
    join(PROJECT_ROOT, 'guest/init', name),
  );
  const source = join(PROJECT_ROOT, 'test/guest/c/regions_probe.c');
  execFileSync('gcc', [...flags.split(' '), ...places, '-o', probe, source, ...init]);
});

test.beforeEach(() => {
  for (const path of Object.values(folders)) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
  }
  for (let index = 0; index < REGIONS; index += 1) {
    const virtio = `virtio${index + 2}`;
    symlinkSync(partitionOf(pciOf(index), virtio), join(folders.class, `${virtio}.0`));
    symlinkSync(deviceOf(pciOf(index), virtio), join(folders.driver, virtio));
  }
  symlinkSync('../../../../bus/virtio/drivers/virtio_mem/module', join(folders.driver, 'module'));
});

test.after.always(() => rmSync(dir, { recursive: true, force: true }));

function ask(lines: readonly string[]): string[] {
  const output = execFileSync(probe, { input: `${lines.join('\n')}\n` });
  return output.toString().split('\n').slice(0, -1);
}

for (const [what, suffix] of [
  ['partition', '.0'],
  ['device', ''],
] as const) {
  test.serial(`a ${what} is found without listing, after the first of all`, (t) => {
    const order = [100, 0, 191, 7, 100];
    const answers = ask(order.map((index) => `${what} ${pciOf(index)}`));
    const expected = order.map((index, asked) => `virtio${index + 2}${suffix} ${asked ? 0 : 1}`);
    t.deepEqual(answers, expected);
  });

  test.serial(`a ${what} that is not there is none, and the others stay known`, (t) => {
    const asked = ['0000:7f:00.0', pciOf(3), '0000:00:08', pciOf(4)];
    const answers = ask(asked.map((pci) => `${what} ${pci}`));
    t.deepEqual(answers, ['- 1', `virtio5${suffix} 0`, '- 1', `virtio6${suffix} 0`]);
  });
}

test.serial('a device that came back under another name is found under it', (t) => {
  const pci = pciOf(5);
  const answers = ask([
    `partition ${pci}`,
    'unlink class virtio7.0',
    `partition ${pci}`,
    `link class virtio900.0 ${partitionOf(pci, 'virtio900')}`,
    `partition ${pci}`,
    `partition ${pci}`,
  ]);
  t.deepEqual(answers, ['virtio7.0 1', '- 1', 'virtio900.0 1', 'virtio900.0 0']);
});

test.serial('a name that now stands for another device is not taken for the old one', (t) => {
  const answers = ask([
    `device ${pciOf(5)}`,
    'unlink driver virtio7',
    `link driver virtio7 ${deviceOf('0000:7f:00.0', 'virtio7')}`,
    `device ${pciOf(5)}`,
    'device 0000:7f:00.0',
  ]);
  t.deepEqual(answers, ['virtio7 1', '- 1', 'virtio7 0']);
});

test.serial('further partitions of one device have names of their own', (t) => {
  const answers = ask([
    `link class virtio2.1 ${partitionOf(pciOf(0), 'virtio2', 1)}`,
    `partition ${pciOf(0)}#1`,
    `partition ${pciOf(0)}`,
  ]);
  t.deepEqual(answers, ['virtio2.1 1', 'virtio2.0 0']);
});
