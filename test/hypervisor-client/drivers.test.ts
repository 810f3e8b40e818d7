/** Which driver is opened, by name and by `auto`. */
import test from 'ava';
import { execa } from 'execa';
import { FakeHypervisor } from '../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { type Driver, DRIVERS } from '../../hypervisor-client/drivers.ts';
import { openDrivers, openHypervisor, openNamed } from '../../hypervisor-client/open.ts';

test('the drivers there are, in the order of preference of auto', (t) => {
  t.deepEqual(DRIVERS.names, ['cloud-hypervisor', 'qemu']);
});

for (const { name } of DRIVERS.all) {
  test(`${name} is opened by its name, whether it is installed or not`, async (t) => {
    const nowhere = '/nonexistent/vmm';
    const options = {
      qemu: { program: nowhere },
      cloud_hypervisor: { command: [nowhere] as const },
    };
    const hypervisor = await openNamed(name, options);
    t.is(hypervisor.kind, name);
    await t.throwsAsync(hypervisor.probe(), { code: 'HP_VMM_MISSING' });
  });
}

test('every driver is opened for VMs of earlier owners', async (t) => {
  const opened = await openDrivers();
  t.deepEqual(
    opened.map(({ kind }) => kind),
    DRIVERS.names,
  );
});

test('a name without a driver is refused with those that have one', async (t) => {
  const error = await t.throwsAsync(openNamed('vmware'), { code: 'HP_VMM_UNSUPPORTED' });
  t.like(error, { next: 'Use one of: auto, cloud-hypervisor, qemu.' });
});

/** A driver whose VMM lacks something, or nothing. */
function madeDriver(name: string, lacks: string | null): Driver {
  return {
    name,
    open: async () => {
      const hypervisor = new FakeHypervisor(hostClock);
      if (lacks !== null) hypervisor.probe = () => Promise.reject(new Error(lacks));
      return Object.assign(hypervisor, { kind: name });
    },
  };
}

test.serial(
  'auto takes the first that is usable, and tells what the last one lacked',
  async (t) => {
    const nowhere = '/nonexistent/vmm';
    const none = { qemu: { program: nowhere }, cloud_hypervisor: { command: [nowhere] as const } };
    const undo = [DRIVERS.add(madeDriver('no-module', 'its module is not there'))];
    await t.throwsAsync(openHypervisor('auto', none), { message: 'its module is not there' });
    for (const name of ['usable', 'usable-too']) undo.push(DRIVERS.add(madeDriver(name, null)));
    t.is((await openHypervisor('auto', none)).kind, 'usable');
    for (const remove of undo) remove();
  },
);

test('who asks for the names alone loads no driver', async (t) => {
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const { DRIVERS } = await import('${PROJECT_ROOT}/hypervisor-client/drivers.ts');
    console.log(JSON.stringify({ names: DRIVERS.names, drivers: loaded.filter((url) => /driver\\.ts$/.test(url)) }));
  `;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', program]);
  t.deepEqual(JSON.parse(stdout), { names: [...DRIVERS.names], drivers: [] });
});
