/**
 * Goal: what is made of a bridge keeps VMs apart, whatever their kernels send.
 * Method: devices of the kernel in a namespace of the test, and a program in the place of VMs.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { tapName, tapPrefix, whyTapsAreOurs } from '../../../hypervisor-client/host/tap.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { Namespace, whyNoNamespaces } from '../../netns.ts';

const HERE = join(PROJECT_ROOT, 'test/hypervisor-client/host');
const MAKER = `${process.execPath} ${join(HERE, 'tap-maker.ts')}`;
const FRAMES = `python3 ${join(HERE, 'frames.py')}`;

const why = await whyNoNamespaces();
const run = why === null ? test : test.skip;
if (why !== null) console.log(`skipped: ${why}`);

test('a name is of its folder and number, and short enough for the kernel', (t) => {
  t.is(tapName('/run/a', 12), `${tapPrefix('/run/a')}c`);
  t.not(tapPrefix('/run/a'), tapPrefix('/run/b'));
  t.true(tapName('/run/a', 999_999_999).length <= 15);
});

const MACS = ['02:68:0a:00:00:08', '02:68:0a:00:00:0a', '02:00:00:00:00:99'] as const;
const [ONE, TWO, OUT] = MACS.map((mac) => mac.replaceAll(':', ''));
/** 10.0.0.8 */
const FIRST = 0x0a_00_00_08;
const ALL = 'f'.repeat(12);

/** A packet with nothing in it. */
function packet(to: string | undefined, from: string | undefined, source: string, target: string) {
  const head = Buffer.from(`450000140000000040110000${source}${target}`, 'hex');
  let sum = 0;
  for (let at = 0; at < head.length; at += 2) sum += head.readUInt16BE(at);
  head.writeUInt16BE(0xffff - ((sum % 0x10000) + Math.floor(sum / 0x10000)), 10);
  return `${to}${from}0800${head.toString('hex')}`.padEnd(120, '0');
}
const IP = { one: '0a000008', two: '0a00000a', outside: '0a000002', spoofed: '0a000009' };

/** As a user who has no right of ours, opens a TAP device as QEMU does; what the kernel says. */
const OPEN = `import fcntl, os, struct, sys
uid = int(sys.argv[1])
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
try:
    with open(sys.argv[2], "r+b", 0) as tun:
        fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"one", 0x5002))
    print("opened")
except OSError as error:
    print(error.strerror)
`;

run(
  'a device is opened by the user it was made for, without a right of ours, and by no other',
  async (t) => {
    const space = await Namespace.make(t);
    await space.run('ip link add br0 type bridge');
    await space.run(`${MAKER} make one br0 ${MACS[0]} ${FIRST} 1 396000`);
    const folder = await mkdtemp(join(tmpdir(), 'hp-tun-'));
    t.teardown(async () => await rm(folder, { recursive: true }));
    await chmod(folder, 0o711);
    // The control device, as udev makes it.
    const tun = join(folder, 'tun');
    await execa('mknod', [tun, 'c', '10', '200']);
    for (const mode of [0o600, 0o660, 0o644]) {
      await chmod(tun, mode);
      t.is(await whyTapsAreOurs(tun), `others may not open ${tun}`);
    }
    await chmod(tun, 0o666);
    t.is(await whyTapsAreOurs(tun), null);
    const openedBy = async (uid: number): Promise<string> => {
      const [program, ...words] = [...space.enter, 'python3', '-c', OPEN, `${uid}`, tun];
      return (await execa(program, words)).stdout;
    };
    t.is(await openedBy(396_000), 'opened');
    t.is(await openedBy(396_001), 'Operation not permitted');
  },
);

run('a VM reaches who is outside as itself alone, and no other VM at all', async (t) => {
  const space = await Namespace.make(t);
  await space.run('ip link add br0 type bridge');
  await space.run('ip link set br0 mtu 1400 up');
  t.is(await space.run(`${MAKER} mtu br0`), '1400');
  t.is(await space.run(`${MAKER} mtu lo`), 'null', 'a device that is no bridge');
  await space.run(`${MAKER} make one br0 ${MACS[0]} ${FIRST} 1`);
  await space.run(`${MAKER} make two br0 ${MACS[1]} ${FIRST + 2} 1`);
  // Whoever else the operator has on the bridge.
  for (const command of ['tuntap add dev out mode tap', 'link set out master br0 up']) {
    await space.run(`ip ${command}`);
  }
  const [one, two, outside] = [0, 1, 2];
  const arp = (from: string | undefined, mac: string | undefined, source: string): string =>
    `${ALL}${from}08060001080006040001${mac}${source}${'0'.repeat(12)}${IP.outside}`.padEnd(
      120,
      '0',
    );
  const sent: readonly (readonly [number, string, string, string])[] = [
    [one, arp(ONE, ONE, IP.one), '2', 'a question to all is heard outside alone'],
    [outside, packet(ONE, OUT, IP.outside, IP.one), '0', 'an answer reaches it, and no other VM'],
    [one, packet(OUT, ONE, IP.one, IP.outside), '2', 'its own packet goes out'],
    [one, packet(TWO, ONE, IP.one, IP.two), 'nobody', 'none to another VM'],
    [one, packet(OUT, ONE, IP.one, IP.two), 'nobody', 'nor by way of a router'],
    [one, packet(OUT, ONE, IP.spoofed, IP.outside), 'nobody', 'none from an address not its own'],
    [one, packet(OUT, TWO, IP.one, IP.outside), 'nobody', 'none in the name of another VM'],
    [one, arp(ONE, ONE, IP.two), 'nobody', 'no claim to have the address of another'],
    [one, arp(ONE, TWO, IP.one), 'nobody', 'no claim that another has its address'],
    [two, arp(TWO, TWO, IP.two), '2', 'the other one may do the same'],
    [outside, packet('020000000077', OUT, IP.outside, IP.one), 'nobody', 'none for somebody else'],
  ];
  const frames = sent.map(([from, frame]) => `${from}:${frame}`);
  const heard = (await space.run(`${FRAMES} one two out ${frames.join(' ')}`)).split('\n');
  t.deepEqual(
    sent.map(([, , , what], index) => [what, heard[index]]),
    sent.map(([, , by, what]) => [what, by]),
  );
});

run('devices of VMs that are gone are removed, and no others', async (t) => {
  const space = await Namespace.make(t);
  const [first, second, foreign] = [tapName('/v', 1), tapName('/v', 2), tapName('/w', 1)];
  for (const name of [first, second, foreign]) {
    await space.run(`ip tuntap add dev ${name} mode tap`);
  }
  t.is(await space.run(`${MAKER} clean /v 2`), first);
  t.deepEqual((await space.devices()).toSorted(), ['lo', second, foreign].toSorted());
});

run('what a process lacks is told', async (t) => {
  const space = await Namespace.make(t);
  const command = [...space.enter, 'setpriv', '--bounding-set=-net_admin', ...MAKER.split(' ')];
  const said = await execa('env', [...command, 'troubles']);
  t.is(said.stdout, 'CAP_NET_ADMIN is lacking');
});
