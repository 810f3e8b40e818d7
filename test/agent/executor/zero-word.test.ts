/** The driver's word that plugged memory reads zero, on its way through the real agent. */
import test from 'ava';
import { pino } from 'pino';
import { takeZeroWord } from '../../../agent/executor/zero-word.ts';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import { emulated } from '../../../agent/model/work.ts';
import type { FakeFaults, FakeOptions } from '../../../agent/testing/fake-hypervisor.ts';
import { GIB } from '../../../base/units.ts';
import { FAKE_IMAGES, type FakeHost, fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

interface Host {
  readonly mechanism?: MechanismName;
  readonly series_revision?: string;
  readonly clear_plugged?: boolean;
  readonly options?: FakeOptions;
  readonly faults?: Partial<FakeFaults>;
}

/** Of a host with one VM. */
async function deployed({
  mechanism = 'hotmem',
  series_revision = '10',
  clear_plugged = false,
  options = {},
  faults = {},
}: Host): Promise<FakeHost> {
  const identity = { kernel_variant: 'hotmem', kernel_key: 'k', rootfs_key: 'r', series_revision };
  const images = {
    imageFor: async (spec: ReturnType<typeof specOf>) => ({
      ...(await FAKE_IMAGES.imageFor(spec)),
      identity,
    }),
  };
  const host = fakeHost(faults, 8 * GIB, options, undefined, { images, clear_plugged });
  await host.clock.until(host.agent.deploy(specOf('f', { mechanism })));
  return host;
}

const trusts = ({ hypervisor }: FakeHost): boolean | null | undefined =>
  hypervisor.vms[0]?.guest.trusts;

test('it is given before anything is plugged', async (t) => {
  const host = await deployed({});
  t.true(trusts(host));
  t.is(host.hypervisor.done.plug, 0);
  await host.clock.until(host.agent.stop(0));
});

for (const [why, about] of [
  ['the driver does not give it', { options: { plugged_reads_zero: false } }],
  ['the operator withholds it', { clear_plugged: true }],
  ['its kernel cannot rely on it', { series_revision: '9' }],
  ['no revision is told', { series_revision: '' }],
  ['it has no partitions', { mechanism: 'virtio-mem' }],
] as const satisfies readonly (readonly [string, Host])[]) {
  test(`no guest gets it where ${why}`, async (t) => {
    const host = await deployed(about);
    t.is(trusts(host), null);
    await host.clock.until(host.agent.stop(0));
  });
}

const refuses = (request: string): 'refuse' | 'none' => (request === 'trust' ? 'refuse' : 'none');

test('a guest that refuses it clears what is plugged, and serves', async (t) => {
  const host = await deployed({ faults: { guest: refuses } });
  t.is(trusts(host), null);
  t.true(host.log.some((line) => line.includes('the guest clears what is plugged')));
  const reply = await host.clock.until(host.agent.invoke('f', 'one', emulated(WORK)));
  t.like(reply, { outcome: 'done' });
  await host.clock.until(host.agent.stop(0));
});

/** What a guest is told by the next agent. */
const word = async (
  plugged_reads_zero: boolean,
  clear_plugged: boolean,
  mechanism: MechanismName,
) => {
  const told: boolean[] = [];
  await takeZeroWord({
    guest: { trust: async (word_now) => void told.push(word_now) },
    vm: { plugged_reads_zero },
    spec: specOf('f', { mechanism }),
    clear_plugged,
    log: pino({ level: 'silent' }),
  });
  return told;
};

test('the next agent takes it back from a VM where it does not hold any more, and only there', async (t) => {
  t.deepEqual(await word(true, false, 'hotmem'), []);
  t.deepEqual(await word(true, true, 'hotmem'), [false]);
  t.deepEqual(await word(false, false, 'hotmem'), [false]);
  t.deepEqual(await word(false, false, 'numa'), []);
});
