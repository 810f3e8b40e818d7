/** What only this driver must do, with the fake behind it: one sum, lost words, lies, limits. */
import test from 'ava';
import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hostClock } from '../../../base/clock.ts';
import { chSlackBytes } from '../../../hypervisor-client/cloud-hypervisor/slack.ts';
import { VMM_LIMITS } from '../../../hypervisor-client/limits.ts';
import { waitFor } from '../../../base/wait.ts';
import { MIB } from '../../../base/units.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { parseBackings } from '../../../hypervisor-client/cloud-hypervisor/driver/backings.ts';
import { attribute, readTargets } from '../../../hypervisor-client/cloud-hypervisor/driver/book.ts';
import { chFiles, zoneOf } from '../../../hypervisor-client/cloud-hypervisor/driver/layout.ts';
import { countPresent } from '../../../hypervisor-client/host/pagemap.ts';
import {
  CloudHypervisor,
  parseVersion,
  reasonAgainst,
} from '../../../hypervisor-client/cloud-hypervisor/index.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import type { Hypervisor, Vm, VmSpec } from '../../../hypervisor-client/vm.ts';
import { type FakeHost, fakeHost, tellFake } from './fake-target.ts';

const REGION = 128 * MIB;
const DEADLINE = { deadline_ms: 30_000 };
/** Of what is not done; what may be done is, also on a busy host. */
const STUCK = { deadline_ms: 3_000 };

let host: FakeHost;
let count = 0;

test.before(async () => {
  host = await fakeHost();
});

test.after.always(async () => {
  await host.cleanUp();
});

async function specOf(initial_bytes = 0): Promise<VmSpec> {
  count += 1;
  return {
    id: `vm${count}`,
    run_dir: join(host.root, `vm${count}`),
    ...(await host.image()),
    vcpus: 1,
    boot_bytes: 256 * MIB,
    devices: ['r0', 'r1'].map((id) => deviceOf({ id, max_bytes: REGION, initial_bytes })),
    backing: 'anonymous',
    accelerator: 'auto',
  };
}

async function withVm(
  driver: Hypervisor,
  spec: VmSpec,
  work: (vm: Vm) => Promise<void>,
): Promise<void> {
  const vm = await driver.launch(spec);
  try {
    await work(vm);
  } finally {
    await vm.shutdown();
  }
}

async function pluggedIn(vm: Vm): Promise<number[]> {
  return (await vm.observe()).regions.map(({ plugged_bytes }) => plugged_bytes);
}

/** The target that the server has, asked on a connection of its own. */
async function targetOf(vm: Vm, id: string): Promise<number | undefined> {
  const { run_dir, devices } = vm.handle.spec;
  await using ch = new CloudHypervisor({ socket_path: chFiles(run_dir).api_path });
  const { config } = await ch.observe.info();
  return readTargets(config, devices).find((one) => one.device_id === id)?.requested_bytes;
}

test('versions that cannot be used are refused with the reason, before a VM starts', async (t) => {
  for (const version of ['38.0.0', '41.0.0', '46.0.0', '51.2.0', '52.0.0']) {
    const driver = host.driver({ version });
    const probed = await t.throwsAsync(driver.probe());
    const launched = await t.throwsAsync(driver.launch(await specOf()));
    for (const error of [probed, launched]) {
      t.true(isHotplaneError(error) && error.code === 'HP_CH_VERSION', `${version}: ${error}`);
      t.regex(error?.message ?? '', /is not used: it/);
    }
  }
  t.is((await host.driver().probe()).version, 'v53.0.0');
  t.is(reasonAgainst(parseVersion('v53.0') ?? { major: 0, minor: 0, text: '' }), null);
});

test('a target whose answer was lost is read back, not believed lost', async (t) => {
  for (const kind of ['close-after-effect', 'close-before', 'half-close'] as const) {
    await withVm(host.driver(), await specOf(), async (vm) => {
      await tellFake(vm, { faults: [{ kind, route: 'vm.resize-zone', times: 1 }] });
      const result = await vm.resizeRegion('r0', REGION, DEADLINE);
      t.is(result.outcome, 'done', `${kind}: ${result.reason}`);
      t.deepEqual(await pluggedIn(vm), [REGION, 0]);
    });
  }
});

test('a server that refuses is an outcome with its words', async (t) => {
  await withVm(host.driver(), await specOf(), async (vm) => {
    await tellFake(vm, { faults: [{ kind: 'refuse', route: 'vm.resize-zone', times: 1 }] });
    const result = await vm.resizeRegion('r0', REGION, DEADLINE);
    t.is(result.outcome, 'refused');
    t.is(result.error_code, 'HP_VMM_REJECTED');
    t.regex(result.reason ?? '', /The request was refused/);
  });
});

test('a size that the VM cannot have is not believed', async (t) => {
  await withVm(host.driver(), await specOf(), async (vm) => {
    for (const actual_offset of [2 ** 40, -300 * MIB]) {
      await tellFake(vm, { guest: { actual_offset } });
      const error = await t.throwsAsync(vm.observe());
      t.true(isHotplaneError(error) && error.code === 'HP_CH_IMPLAUSIBLE', String(error));
      const result = await vm.resizeRegion('r0', REGION, DEADLINE);
      t.is(result.outcome, 'failed');
      t.is(result.error_code, 'HP_CH_IMPLAUSIBLE');
    }
    await tellFake(vm, { guest: { actual_offset: 0 } });
    t.is((await vm.observe()).state, 'running');
  });
});

test('an unplug that the host does not see is partial, and says so', async (t) => {
  await withVm(host.driver(), await specOf(), async (vm) => {
    await vm.resizeRegion('r0', REGION, DEADLINE);
    await tellFake(vm, { guest: { host_keeps: { [zoneOf('r0')]: 64 * MIB } } });
    const result = await vm.resizeRegion('r0', 0, STUCK);
    t.is(result.outcome, 'partial');
    t.is(result.error_code, 'HP_VMM_HOST_KEPT');
    t.is(result.resident_bytes, 64 * MIB);
  });
});

test('a resize is done when every event is lost or cut', async (t) => {
  for (const settings of [{ lose_event: 1 }, { cut_event: 1 }]) {
    await withVm(host.driver(settings), await specOf(), async (vm) => {
      const result = await vm.resizeRegion('r0', REGION, DEADLINE);
      t.is(result.outcome, 'done', result.reason ?? '');
    });
  }
});

test('a region stuck in an unplug does not blur the next one', async (t) => {
  await withVm(host.driver(), await specOf(), async (vm) => {
    for (const id of ['r0', 'r1']) await vm.resizeRegion(id, REGION, DEADLINE);
    await tellFake(vm, { guest: { in_use: { [zoneOf('r0')]: 32 * MIB } } });
    const stuck = await vm.resizeRegion('r0', 0, STUCK);
    t.deepEqual([stuck.outcome, stuck.plugged_bytes], ['partial', 32 * MIB]);
    const next = await vm.resizeRegion('r1', 0, DEADLINE);
    t.is(next.outcome, 'done', next.reason ?? '');
    const { regions } = await vm.observe();
    t.deepEqual(
      regions.map(({ requested_bytes, plugged_bytes }) => [requested_bytes, plugged_bytes]),
      [
        [32 * MIB, 32 * MIB],
        [0, 0],
      ],
    );
    await tellFake(vm, { guest: { in_use: {} } });
    t.is((await vm.resizeRegion('r0', 0, DEADLINE)).outcome, 'done');
  });
});

/** Resizes while the server is stopped; it goes on again when the resizes have ended. */
async function whileStopped<T>(vm: Vm, work: () => Promise<T>): Promise<T> {
  process.kill(vm.handle.pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(vm.handle.pid, 'SIGCONT');
  }
}

test('a server that stands still ends resizes by deadline plus the stated bound', async (t) => {
  await withVm(host.driver(), await specOf(), async (vm) => {
    const began_ms = hostClock.nowMs();
    const results = await whileStopped(vm, async () => {
      const resizes = ['r0', 'r1'].map(async (id) => {
        return await vm.resizeRegion(id, REGION, { deadline_ms: 300 });
      });
      return await Promise.all(resizes);
    });
    const took_ms = hostClock.nowMs() - began_ms;
    t.true(took_ms < 300 + VMM_LIMITS.resize_overrun_ms + 3_000, `${took_ms} ms`);
    t.is(results[0]?.outcome, 'failed');
    t.is(results[0]?.error_code, 'HP_CH_TIMEOUT');
    // The other one never had its turn: nothing was asked of the server for it.
    t.is(results[1]?.outcome, 'refused');
    t.is(results[1]?.error_code, 'HP_VMM_BUSY');
    t.regex(results[1]?.reason ?? '', /for all of \d+ ms/);
  });
});

test('a target whose fate was unknown is withdrawn when the server answers again', async (t) => {
  const guest = { plug_limit: { [zoneOf('r0')]: 32 * MIB } };
  await withVm(host.driver({ guest }), await specOf(), async (vm) => {
    const pace = { clock: hostClock, deadline_ms: 30_000 };
    const targetIs = async (bytes: number) =>
      await waitFor(async () => (await targetOf(vm, 'r0')) === bytes || null, pace);
    await vm.resizeRegion('r1', REGION, DEADLINE);
    await tellFake(vm, { faults: [{ kind: 'silence', route: 'vm.resize-zone', times: 1 }] });
    const resize = vm.resizeRegion('r0', REGION, STUCK);
    t.true(await targetIs(REGION), 'the target is set, and its answer never comes');
    // Nor that to the look after it, which in a quick moment would tell the fate after all.
    await tellFake(vm, { faults: [{ kind: 'silence', route: 'vm.info', times: 1 }] });
    const result = await resize;
    t.is(result.outcome, 'failed', result.reason ?? '');
    await tellFake(vm, { faults: [] });
    t.true(await targetIs(32 * MIB), 'what is plugged');
  });
});

test('a wait for the turn is no time of a resize', async (t) => {
  const guest = { in_use: { [zoneOf('r0')]: 32 * MIB } };
  await withVm(host.driver({ guest }), await specOf(), async (vm) => {
    for (const id of ['r0', 'r1']) await vm.resizeRegion(id, REGION, DEADLINE);
    const asked_at_ms = hostClock.nowMs();
    const stuck = vm.resizeRegion('r0', 0, { deadline_ms: 400 });
    const next = await vm.resizeRegion('r1', 0, DEADLINE);
    t.is((await stuck).outcome, 'partial');
    t.is(next.outcome, 'done');
    t.true(next.requested_at_ms - asked_at_ms >= 300, JSON.stringify(next));
    t.is(next.waited_ms, 0);
  });
});

test('a plug goes before an unplug that is under way, which carries on', async (t) => {
  // A step takes 100 ms: the unplug of 64 blocks more than six seconds.
  const guest = { step_bytes: 2 * MIB, step_ms: 100 };
  await withVm(host.driver(), await specOf(), async (vm) => {
    await vm.resizeRegion('r0', REGION, DEADLINE);
    await tellFake(vm, { guest });
    const slow = vm.resizeRegion('r0', 0, { deadline_ms: 60_000 });
    const moving = async () => ((await pluggedIn(vm))[0] ?? 0) < REGION || null;
    t.true(await waitFor(moving, { clock: hostClock, deadline_ms: 30_000 }));
    const plug = await vm.resizeRegion('r1', 4 * MIB, DEADLINE);
    t.is(plug.outcome, 'done', plug.reason ?? '');
    const [r0 = 0, r1] = await pluggedIn(vm);
    t.true(r0 > 0, 'the unplug is still under way');
    t.is(r1, 4 * MIB);
    const unplug = await slow;
    t.is(unplug.outcome, 'done', unplug.reason ?? '');
    t.true((unplug.plugged_at_ms ?? 0) > (plug.plugged_at_ms ?? Infinity));
    const plugged_ms = (plug.plugged_at_ms ?? 0) - plug.requested_at_ms;
    t.true(unplug.waited_ms >= plugged_ms, `${unplug.waited_ms} of ${plugged_ms} ms`);
    t.deepEqual(await pluggedIn(vm), [0, 4 * MIB]);
  });
});

test('a baseline VM has all of its regions from boot on', async (t) => {
  await withVm(host.driver(), await specOf(REGION), async (vm) => {
    const result = await vm.resizeRegion('r1', 0, DEADLINE);
    t.is(result.outcome, 'done', result.reason ?? '');
    t.deepEqual(await pluggedIn(vm), [REGION, 0]);
  });
});

test('the limit of the host follows what is plugged', async (t) => {
  const cgroup_root = join(host.root, 'cgroup');
  await mkdir(cgroup_root);
  const spec = await specOf();
  const limit = async (): Promise<number> =>
    Number(await readFile(join(cgroup_root, `hotplane-${spec.id}`, 'memory.max'), 'utf8'));
  await withVm(host.driver({}, { cgroup_root }), spec, async (vm) => {
    const floor_bytes = spec.boot_bytes + chSlackBytes(spec);
    t.is(await limit(), floor_bytes);
    await vm.resizeRegion('r0', REGION, DEADLINE);
    t.is(await limit(), floor_bytes + REGION);
    await vm.resizeRegion('r0', 0, DEADLINE);
    t.is(await limit(), floor_bytes);
  });
});

test('host node and Landlock are asked of the server as the driver was told', async (t) => {
  const told = { total_bytes: null, free_bytes: null, has_cpus: true, distances: [] };
  const readHostNodes = () => [0, 1].map((node) => ({ node, ...told }));
  for (const [options, node, landlock] of [
    [{}, undefined, true],
    [{ host_numa_node: 1, landlock: false, readHostNodes }, 1, undefined],
  ] as const) {
    await withVm(host.driver({}, options), await specOf(), async (vm) => {
      const ch = new CloudHypervisor({ socket_path: chFiles(vm.handle.spec.run_dir).api_path });
      const { config } = await ch.observe.info();
      await ch.close();
      const nodes = (config.memory?.zones ?? []).map(({ host_numa_node }) => host_numa_node);
      t.deepEqual([...nodes, config.landlock_enable], [node, node, node, landlock]);
    });
  }
});

test('a limit that cannot be set is a warning, not an end', async (t) => {
  const warnings: string[] = [];
  const driver = host.driver(
    {},
    { cgroup_root: '/proc/none', onWarning: (text) => void warnings.push(text) },
  );
  await withVm(driver, await specOf(), async (vm) => {
    t.is((await vm.observe()).state, 'running');
  });
  t.is(warnings.length, 1);
  t.regex(warnings[0] ?? '', /HP_VMM_CGROUP/);
});

test('a VM in huge pages has as many as the pool, and no plug is lost for want of them', async (t) => {
  const huge = { backing: 'huge' } as const;
  let free = 0;
  const readHugePages = () => ({ total: free === 0 ? 0 : 100, free });
  const driver = host.driver({}, { readHugePages });
  const error = await t.throwsAsync(driver.launch({ ...(await specOf()), ...huge }));
  t.true(hasCode(error, 'HP_VMM_NO_HUGE_PAGES'), String(error));
  // Two devices have 2 MiB of boot memory each.
  free = 1;
  const short = await t.throwsAsync(driver.launch({ ...(await specOf()), ...huge }));
  t.true(hasCode(short, 'HP_VMM_NO_HUGE_PAGES'), String(short));
  free = 64;
  await withVm(driver, { ...(await specOf()), ...huge }, async (vm) => {
    t.is((await vm.resizeRegion('r0', REGION, DEADLINE)).outcome, 'done');
    free = 63;
    const refused = await vm.resizeRegion('r1', REGION, DEADLINE);
    t.like(refused, { outcome: 'refused', error_code: 'HP_VMM_NO_HUGE_PAGES' });
    t.deepEqual(await pluggedIn(vm), [REGION, 0]);
    t.is((await vm.resizeRegion('r0', 0, DEADLINE)).outcome, 'done');
  });
});

const noKvm = async () => ({ accelerator: 'tcg' as const, reason: 'no /dev/kvm' });

test('without KVM the driver says so', async (t) => {
  const driver = host.driver({}, { probeAccelerator: noKvm });
  for (const call of [driver.probe(), driver.launch(await specOf())]) {
    const error = await t.throwsAsync(call);
    t.true(isHotplaneError(error) && error.code === 'HP_CH_NO_KVM', String(error));
  }
});

const line = (at: string, size: string) => `RAM region mapping at 0x${at} (size = 0x${size})\n`;

test('addresses of regions are read from the log, the last mappings being theirs', async (t) => {
  const spec = await specOf();
  const boot = line('7f0000000000', '10000000') + line('7f1000000000', '200000').repeat(2);
  const regions = line('7f2000000000', '8000000') + line('7f3000000000', '8000000');
  t.deepEqual(parseBackings(`x\n${boot}y\n${regions}`, spec), [
    { start: 0x7f2000000000, end: 0x7f2008000000 },
    { start: 0x7f3000000000, end: 0x7f3008000000 },
  ]);
  t.is(parseBackings(boot, spec), null);
  t.is(parseBackings('', spec), null);
});

test('pages in memory are counted by bit 63 of their entries', (t) => {
  const entries = Buffer.alloc(4 * 8);
  entries.writeBigUInt64LE(1n << 63n, 0);
  entries.writeBigUInt64LE(1n << 62n, 8);
  entries.writeBigUInt64LE((1n << 63n) | 0x1234n, 24);
  t.is(countPresent(entries), 2);
});

test('a change of the sum belongs to the device that is resized', (t) => {
  const target = (device_id: string, requested_bytes: number) => ({
    device_id,
    max_bytes: REGION,
    requested_bytes,
  });
  const before = [
    { ...target('r0', REGION), plugged_bytes: 0 },
    { ...target('r1', REGION), plugged_bytes: REGION },
  ];
  const targets = [target('r0', REGION), target('r1', REGION)];
  const plugged = (sum_bytes: number, moving: string) =>
    attribute(before, targets, sum_bytes, moving).map((one) => one.plugged_bytes);
  t.deepEqual(plugged(REGION + 2 * MIB, 'r0'), [2 * MIB, REGION]);
  t.deepEqual(plugged(2 * REGION, 'r1'), [REGION, REGION]);
});

const as_root = process.getuid?.() === 0 ? test : test.skip;

as_root('each server has a user of its own, also for the owner after this one', async (t) => {
  await chmod(host.root, 0o711);
  const proc_root = join(host.root, 'proc');
  await mkdir(proc_root);
  await chmod(proc_root, 0o777);
  const uids = { first: 391_000, count: 10 };
  const vm = await host.driver({ proc_root }, { proc_root, uids }).launch(await specOf());
  const { handle } = vm;
  const { uid = 0, pid, spec } = handle;
  t.true(uid >= 391_000);
  t.is((await stat(`/proc/${pid}`)).uid, uid);
  t.is((await stat(chFiles(spec.run_dir).api_path)).uid, uid);
  await vm.release();
  const adopted = await host.driver({ proc_root }, { proc_root }).adopt(handle);
  t.is((await adopted.observe()).state, 'running');
  await adopted.shutdown();
});
