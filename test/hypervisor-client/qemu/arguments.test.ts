import test from 'ava';
import fc from 'fast-check';
import { GIB, MIB } from '../../../base/units.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { qemuArguments } from '../../../hypervisor-client/qemu/arguments.ts';
import { parseQemuVersion } from '../../../hypervisor-client/qemu/binary.ts';
import { DEVICES_MAX, pciAddressOf } from '../../../hypervisor-client/qemu/layout.ts';
import { parseHostAddress } from '../../../hypervisor-client/qemu/regions.ts';
import { checkSpec, deviceOf } from '../../../hypervisor-client/spec.ts';
import type { VmSpec } from '../../../hypervisor-client/vm.ts';
import { holds } from '../../seed.ts';

const region = (id: string, max_bytes = 128 * MIB) => ({ id, max_bytes, initial_bytes: 0 });
const device = (index: number, guest_node: number | null = null, max_bytes = 128 * MIB) =>
  deviceOf(region(`r${index}`, max_bytes), guest_node);
const SPEC: VmSpec = {
  id: 'vm',
  run_dir: '/run/vm',
  kernel_path: '/kernel',
  initrd_path: '/initrd',
  kernel_arguments: ['panic=-1', 'quiet'],
  vcpus: 2,
  boot_bytes: 256 * MIB,
  devices: [device(0), device(1)],
  backing: 'anonymous',
  accelerator: 'auto',
};
const TCG = { accelerator: 'tcg', version: '7.2.22' } as const;
const KVM = { accelerator: 'kvm', version: '7.2.22' } as const;
const after = (argv: readonly string[], name: string) =>
  argv.flatMap((value, at) => (argv[at - 1] === name ? [value] : []));

test('a region is a backend and a device with a fixed address', (t) => {
  const argv = qemuArguments(SPEC, TCG);
  t.deepEqual(after(argv, '-m'), ['256M,maxmem=536870912']);
  t.true(
    after(argv, '-object').includes(
      'memory-backend-ram,id=memory-r1,size=134217728,prealloc=off,reserve=off',
    ),
  );
  t.true(
    after(argv, '-device').includes(
      'virtio-mem-pci,id=region-r1,memdev=memory-r1,requested-size=0,bus=pcie.0,addr=0x8.1,multifunction=on',
    ),
  );
  t.deepEqual(after(argv, '-append'), ['console=ttyS0 no_timer_check panic=-1 quiet']);
});

test('a region that has a node of the host is bound to it, the others are not', (t) => {
  const devices = [device(0), { ...device(1), host_node: 1 }];
  const objects = after(qemuArguments({ ...SPEC, devices }, TCG), '-object');
  t.deepEqual(objects, [
    'memory-backend-ram,id=memory-r0,size=134217728,prealloc=off,reserve=off',
    'memory-backend-ram,id=memory-r1,size=134217728,prealloc=off,reserve=off,host-nodes=1,policy=bind',
  ]);
});

test("the host's node of all memory is that of boot memory too", (t) => {
  const devices = [device(0), { ...device(1), host_node: 1 }];
  const argv = qemuArguments({ ...SPEC, devices }, { ...TCG, host_node: 0 });
  t.deepEqual(
    after(argv, '-object').map((text) =>
      /^[^,]+,id=([^,]+),.*host-nodes=(\d)/.exec(text)?.slice(1),
    ),
    [
      ['boot', '0'],
      ['memory-r0', '0'],
      ['memory-r1', '1'],
    ],
  );
  t.true(after(argv, '-machine')[0]?.endsWith(',memory-backend=boot'));
  const nodes = qemuArguments({ ...SPEC, devices: [device(0, 1)] }, { ...TCG, host_node: 3 });
  t.is(
    after(nodes, '-object').filter((text) => text.endsWith('host-nodes=3,policy=bind')).length,
    3,
  );
  t.false(after(nodes, '-machine')[0]?.includes('memory-backend'));
});

test('a disk is a read-only file with a serial, beside the regions', (t) => {
  const argv = qemuArguments({ ...SPEC, disks: [{ serial: 'base', path: '/a,b.erofs' }] }, TCG);
  t.deepEqual(after(argv, '-blockdev'), [
    'driver=raw,node-name=disk-0,read-only=on,file.driver=file,file.filename=/a,,b.erofs',
  ]);
  t.is(
    after(argv, '-device').at(-1),
    'virtio-blk-pci,drive=disk-0,serial=base,bus=pcie.0,addr=0x3.0,multifunction=on',
  );
});

test('a network device is on its TAP device, and no program or firmware comes with it', (t) => {
  const nic = { tap: 'hp0', mac: '02:00:00:00:00:01', mtu_bytes: 1_500 };
  const argv = qemuArguments({ ...SPEC, nic }, TCG);
  t.deepEqual(after(argv, '-netdev'), ['tap,id=nic,ifname=hp0,script=no,downscript=no,vhost=off']);
  t.is(
    after(argv, '-device').at(-1),
    'virtio-net-pci,netdev=nic,mac=02:00:00:00:00:01,host_mtu=1500,romfile=,bus=pcie.0,addr=0x4',
  );
  t.deepEqual(after(qemuArguments(SPEC, TCG), '-netdev'), [], 'and none without');
});

test('a device with several regions is one backend and one target for all of them', (t) => {
  const regions = ['r0', 'r1', 'r2'].map((id) => region(id));
  const full = regions.map((one, index) =>
    index < 2 ? { ...one, initial_bytes: one.max_bytes } : one,
  );
  const spec = { ...SPEC, devices: [{ id: 'd0', guest_node: null, regions: full }] };
  const argv = qemuArguments(spec, TCG);
  t.deepEqual(after(argv, '-m'), [`256M,maxmem=${(256 + 3 * 128) * MIB}`]);
  t.deepEqual(after(argv, '-object'), [
    `memory-backend-ram,id=memory-d0,size=${3 * 128 * MIB},prealloc=off,reserve=off`,
  ]);
  const devices = after(argv, '-device').filter((one) => one.startsWith('virtio-mem-pci'));
  t.is(devices.length, 1);
  t.true(devices[0]?.includes(`requested-size=${2 * 128 * MIB},`));
});

test('memfd, KVM and a VM without regions change only their own arguments', (t) => {
  const memfd = qemuArguments({ ...SPEC, backing: 'memfd' }, KVM);
  t.true(after(memfd, '-object').every((value) => value.startsWith('memory-backend-memfd,')));
  t.deepEqual([after(memfd, '-accel'), after(memfd, '-cpu')], [['kvm'], ['host']]);
  t.deepEqual(after(qemuArguments({ ...SPEC, devices: [] }, TCG), '-m'), ['256M']);
});

test('huge memory comes from the pool of the host, page by page as it is plugged', (t) => {
  const argv = qemuArguments({ ...SPEC, backing: 'huge' }, TCG);
  t.is(
    after(argv, '-object')[0],
    'memory-backend-memfd,hugetlb=on,hugetlbsize=2M,id=memory-r0,size=134217728,prealloc=off,reserve=off',
  );
  const devices = after(argv, '-device').filter((one) => one.startsWith('virtio-mem-pci'));
  t.true(devices.every((one) => one.endsWith(',prealloc=on')));
  const others = qemuArguments({ ...SPEC, backing: 'memfd' }, TCG);
  t.false(others.join(' ').includes('prealloc=on'));
});

for (const backing of ['anonymous', 'memfd'] as const) {
  test(`${backing} memory has its pages at the plug where that is asked for`, (t) => {
    const argv = qemuArguments({ ...SPEC, backing, populate: true }, TCG);
    const devices = after(argv, '-device').filter((one) => one.startsWith('virtio-mem-pci'));
    t.true(devices.length > 0 && devices.every((one) => one.endsWith(',prealloc=on')));
    // Of all of it at once, plugged or not, would be the whole limit from boot on.
    t.true(after(argv, '-object').every((one) => !one.includes('prealloc=on')));
  });
}

test('an emulated CPU zeroes and copies no memory byte by byte', (t) => {
  t.deepEqual(after(qemuArguments(SPEC, TCG), '-cpu'), ['max,-erms,-fsrm']);
  const newer = qemuArguments(SPEC, { accelerator: 'tcg', version: '10.0.2' });
  t.deepEqual(after(newer, '-cpu'), ['max,-erms,-fsrm,-fzrm,-fsrs,-fsrc']);
});

test('every guest node has boot memory, taken from the boot memory of the VM', (t) => {
  const argv = qemuArguments({ ...SPEC, devices: [device(0, 1), device(1, 3)] }, TCG);
  const nodes = after(argv, '-numa').filter((one) => one.startsWith('node,'));
  t.deepEqual(nodes, [
    'node,nodeid=0,memdev=boot-0,cpus=0-1',
    'node,nodeid=1,memdev=boot-1',
    'node,nodeid=2,memdev=boot-2',
    'node,nodeid=3,memdev=boot-3',
  ]);
  const boot = after(argv, '-object').flatMap(
    (value) => /id=boot-\d+,size=(\d+)/.exec(value)?.[1] ?? [],
  );
  t.is(
    boot.reduce((sum, bytes) => sum + Number(bytes), 0),
    SPEC.boot_bytes,
  );
});

function distancesOf(nodes: readonly number[]): readonly string[] {
  const devices = nodes.map((node, index) => device(index, node));
  const argv = qemuArguments({ ...SPEC, devices }, TCG);
  return after(argv, '-numa').filter((one) => one.startsWith('dist,'));
}

test('from a node of regions node 0 is nearer than every other one', (t) => {
  t.deepEqual(distancesOf([1]), [], 'there is no other one');
  t.deepEqual(distancesOf([1, 2, 3]), [
    'dist,src=0,dst=1,val=20',
    'dist,src=0,dst=2,val=20',
    'dist,src=1,dst=2,val=40',
    'dist,src=0,dst=3,val=20',
    'dist,src=1,dst=3,val=40',
    'dist,src=2,dst=3,val=40',
  ]);
});

test('the guest node of a large region has more boot memory, for the memory map of the region', (t) => {
  const devices = [device(0, 1, 2 * GIB), device(1, 2)];
  const argv = qemuArguments({ ...SPEC, devices }, TCG);
  const boot = after(argv, '-object').filter((value) => value.includes('id=boot-'));
  t.deepEqual(boot.slice(1), [
    `memory-backend-ram,id=boot-1,size=${40 * MIB}`,
    `memory-backend-ram,id=boot-2,size=${16 * MIB}`,
  ]);
});

test('too little boot memory for the guest nodes is told with the sum needed', (t) => {
  const error = t.throws(() => qemuArguments({ ...SPEC, devices: [device(0, 13)] }, TCG));
  t.true(hasCode(error, 'HP_VMM_BAD_SPEC'));
  t.regex(error?.message ?? '', /272 MiB/);
});

test('every device has an address of its own, up to the limit', (t) => {
  t.is(DEVICES_MAX, 192);
  const addresses = Array.from({ length: DEVICES_MAX }, (_, index) => pciAddressOf(index));
  t.is(new Set(addresses).size, DEVICES_MAX);
  t.is(addresses[0], '0000:00:08.0');
  t.false(addresses.some((address) => /^0000:00:(0[0-6]|1f)/.test(address)));
  t.throws(() => pciAddressOf(DEVICES_MAX));
});

test('a comma in a path cannot become an option', (t) => {
  const argv = qemuArguments({ ...SPEC, run_dir: '/run/a,server=off' }, TCG);
  t.true(after(argv, '-qmp')[0]?.startsWith('unix:/run/a,,server=off/qmp.sock,server=on'));
});

test('versions are read from what QEMU prints, and old ones refused', (t) => {
  t.is(parseQemuVersion('QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright'), '7.2.22');
  t.is(parseQemuVersion('QEMU emulator version 11.0.0'), '11.0.0');
  for (const text of ['QEMU emulator version 6.2.0', 'bash: no', '']) {
    t.true(
      hasCode(
        t.throws(() => parseQemuVersion(text)),
        'HP_VMM_UNSUPPORTED',
      ),
      text,
    );
  }
});

test('a host address is read exactly, or not at all', async (t) => {
  const property = fc.property(fc.integer({ min: 0, max: 2 ** 47 }), (address) => {
    const text = `Host virtual address for 0x100000000 (memory-r0) is 0x${address.toString(16)}\r\n`;
    t.is(parseHostAddress(text), address);
  });
  await holds(t, property);
  t.is(parseHostAddress('No memory is mapped at address 0x1'), null);
});

test('a specification of before, with regions and no devices, is told what it needs', (t) => {
  const { devices: _, ...rest } = SPEC;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of JavaScript callers
  const before = { ...rest, regions: [] } as unknown as VmSpec;
  const error = t.throws(() => checkSpec(before));
  t.true(hasCode(error, 'HP_VMM_BAD_SPEC'));
  t.regex(error?.message ?? '', /needs devices/);
});

test('an arm64 guest has its own machine, processor and console, and the same devices', (t) => {
  const argv = qemuArguments(SPEC, { ...TCG, arch: 'arm64' });
  t.deepEqual(after(argv, '-machine'), ['virt,gic-version=3']);
  t.deepEqual(after(argv, '-cpu'), ['max,pauth-impdef=on']);
  t.deepEqual(after(argv, '-append'), ['console=ttyAMA0 panic=-1 quiet']);
  t.deepEqual(after(argv, '-device'), after(qemuArguments(SPEC, TCG), '-device'));
});
