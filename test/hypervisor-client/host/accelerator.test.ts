import test from 'ava';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  chooseAccelerator,
  probeAccelerator,
  virtualisationFlag,
} from '../../../hypervisor-client/host/accelerator.ts';

const folder = await mkdtemp(join(tmpdir(), 'hotplane-accelerator-'));
test.after.always(async () => await rm(folder, { recursive: true, force: true }));

const host = async (name: string, flags: string) => {
  const paths = { kvm: join(folder, `${name}-kvm`), cpuinfo: join(folder, `${name}-cpuinfo`) };
  await writeFile(paths.kvm, '');
  await writeFile(paths.cpuinfo, `processor : 0\nflags\t\t: ${flags}\nbugs : svm\n`);
  return paths;
};

test('KVM is used when it opens and the CPU shows vmx or svm', async (t) => {
  t.is((await probeAccelerator(await host('intel', 'fpu vmx sse'))).accelerator, 'kvm');
  t.is((await probeAccelerator(await host('amd', 'fpu svm'))).accelerator, 'kvm');
});

test('a /dev/kvm that opens on a CPU without the flag is not used, and the reason told', async (t) => {
  const probe = await probeAccelerator(await host('pvm', 'fpu sse svm_lock'));
  t.is(probe.accelerator, 'tcg');
  t.regex(probe.reason, /neither vmx nor svm/);
});

test('without /dev/kvm it is TCG', async (t) => {
  const paths = { ...(await host('none', 'vmx')), kvm: join(folder, 'no-such-file') };
  const probe = await probeAccelerator(paths);
  t.is(probe.accelerator, 'tcg');
  t.regex(probe.reason, /does not exist/);
});

test('a named accelerator is taken without a look', async (t) => {
  const paths = await host('named', '');
  t.is(await chooseAccelerator('kvm', paths), 'kvm');
  t.is(await chooseAccelerator('auto', paths), 'tcg');
});

test('the flag is looked for among the flags only, as a word', (t) => {
  t.is(virtualisationFlag('flags : a vmx b'), 'vmx');
  t.is(virtualisationFlag('vmx flags : vmxoff\nbugs: svm'), null);
  t.is(virtualisationFlag(''), null);
});
