/**
 * The package on a bare Debian 12, for real: installed by dpkg, run by systemd as the user it
 * makes, in namespaces of its own over a layer that is thrown away. HOTPLANE_SYSTEMD names the
 * folder of that Debian: what debootstrap makes, with systemd and QEMU in it. It takes root, and
 * five minutes.
 */
import test, { type ExecutionContext } from 'ava';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { hostClock } from '../../base/clock.ts';
import { assert } from '../../base/assert.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { waitFor } from '../../base/wait.ts';
import { Machine } from './machine.ts';

const ROOT = process.env['HOTPLANE_SYSTEMD'] ?? '';
const withDebian = ROOT === '' ? test.skip : test.serial;
const DEADLINE_MS = 300_000;
const DEPLOY = ['f', '--mechanism', 'hotmem', '--limit', '128MiB', '--keep-alive', '3600'];
const callSchema = z.looseObject({ outcome: z.string(), cold: z.boolean() });

const UNIT = 'hotplane-agent.service';
const UNIT_PATH = `/usr/lib/systemd/system/${UNIT}`;

async function property(machine: Machine, name: string): Promise<string> {
  return (await machine.run('systemctl', 'show', '--value', '-p', name, UNIT)).trim();
}

const VMS_UNIT = 'hotplane-vms.service';
const GROUP_OF_VMS = `/sys/fs/cgroup/hotplane.slice/${VMS_UNIT}`;
const CONFIG = '/etc/hotplane/agent.yaml';

/** What one who is no root asks, and how it ended. */
async function asUser(machine: Machine, user: string, ...words: string[]): Promise<string> {
  const asked = `runuser -u ${user} -- hotplane ${words.join(' ')} 2>&1; echo "exit $?"`;
  return await machine.run('sh', '-c', asked);
}

/** Whether the host of the test lets a group of version 2 limit memory. */
const limitsMemory = async (machine: Machine): Promise<boolean> =>
  (await machine.run('cat', '/sys/fs/cgroup/cgroup.controllers')).split(/\s+/).includes('memory');

/** The VMMs of the machine are in the group of VMs, each in one with a limit. */
async function checkFences(t: ExecutionContext, machine: Machine): Promise<void> {
  const owner = await machine.run('stat', '-c', '%U', GROUP_OF_VMS, `${GROUP_OF_VMS}/cgroup.procs`);
  t.is(owner.trim(), 'hotplane\nhotplane');
  if (!(await limitsMemory(machine))) {
    t.log('no group of version 2 limits memory on this host: limits were not looked at');
    return;
  }
  for (const path of (await vmms(machine)).trim().split('\n')) {
    const group = await machine.run('cat', path.replace('cmdline', 'cgroup'));
    t.regex(group, /^0::\/hotplane\.slice\/hotplane-vms\.service\/hotplane-vm\d+$/m);
    const limit = await machine.run('cat', `/sys/fs/cgroup${group.trim().slice(3)}/memory.max`);
    t.regex(limit, /^\d+$/);
  }
}

/** Until the unit has it so, which differs from what it was. */
async function changed(machine: Machine, name: string, from: string): Promise<string> {
  const look = async (): Promise<string | null> => {
    const is = await property(machine, name);
    const is_up = (await property(machine, 'ActiveState')) === 'active';
    return is !== from && is !== '0' && is_up ? is : null;
  };
  const found = await waitFor(look, { clock: hostClock, deadline_ms: DEADLINE_MS });
  assert(found, `${name} stays ${from}`);
  return found;
}

withDebian('installed, started, watched, restarted and removed', async (t) => {
  t.timeout(4 * DEADLINE_MS);
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-systemd-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await execa(process.execPath, [join('tools', 'package.ts'), '--out', folder], {
    cwd: PROJECT_ROOT,
    timeout: DEADLINE_MS,
    stdio: ['ignore', 2, 2],
  });
  const [name = ''] = await readdir(folder);
  t.regex(name, /^hotplane_.*_(amd64|arm64)\.deb$/);
  const machine = await Machine.start(ROOT);
  t.teardown(() => machine.stop());
  await cp(join(folder, name), machine.path('/root/hotplane.deb'));

  await machine.run('dpkg', '-i', '/root/hotplane.deb');
  await machine.run('systemctl', 'start', UNIT);
  t.is(await property(machine, 'ActiveState'), 'active');
  t.is(await property(machine, 'SubState'), 'running');
  t.regex(await property(machine, 'StatusText'), /^serving on \/run\/hotplane\/agent\.sock/);
  t.regex(await machine.run('hotplane', 'status'), /^hotplane \d+\.\d+\.\d+: .*granted/);

  const pid = await property(machine, 'MainPID');
  const owner = await machine.run('stat', '-c', '%U', `/proc/${pid}`);
  t.is(owner.trim(), 'hotplane', 'it is no root');
  const socket = await machine.run('stat', '-c', '%U %G %a', '/run/hotplane/agent.sock');
  t.is(socket.trim(), 'hotplane hotplane 660');

  await machine.run('hotplane', 'deploy', ...DEPLOY);
  const call = async (): Promise<object> => {
    const told: unknown = JSON.parse(await machine.run('hotplane', 'invoke', 'f', '--json'));
    return { ...callSchema.parse(told) };
  };
  t.like(await call(), { outcome: 'done', cold: true });
  t.is(await machine.run('systemctl', 'is-active', VMS_UNIT), 'active');
  await checkFences(t, machine);

  await machine.run('sh', '-c', `kill -KILL ${pid}`);
  const after_kill = await changed(machine, 'MainPID', pid);
  t.like(await call(), { outcome: 'done', cold: false }, 'the VM outlived its agent');
  await checkFences(t, machine);

  await machine.run('sed', '-i', 's/^WatchdogSec=.*/WatchdogSec=20/', UNIT_PATH);
  await machine.run('systemctl', 'daemon-reload');
  await machine.run('systemctl', 'restart', UNIT);
  const watched = await changed(machine, 'MainPID', after_kill);
  await machine.run('sh', '-c', `kill -STOP ${watched}`);
  const unstuck = await changed(machine, 'MainPID', watched);
  t.like(await call(), { outcome: 'done', cold: false }, 'and one that did not move any more');

  await machine.run('dpkg', '-i', '/root/hotplane.deb');
  await changed(machine, 'MainPID', unstuck);
  t.like(await call(), { outcome: 'done', cold: false }, 'and an upgrade');
  t.not(await vmms(machine), '');
  await checkFences(t, machine);

  // Who is in the group may connect; what he may do then is by his name, which the kernel tells.
  for (const user of ['stranger', 'looker', 'doer']) await machine.run('useradd', user);
  for (const user of ['looker', 'doer']) await machine.run('usermod', '-aG', 'hotplane', user);
  t.regex(await asUser(machine, 'doer', 'invoke', 'f', '--json'), /"outcome":"done"[^]*exit 0/);
  t.regex(await asUser(machine, 'stranger', 'status'), /may not be opened by this user[^]*exit 3/);
  const before_lists = await property(machine, 'MainPID');
  await machine.run('sh', '-c', `printf 'socket_write: doer\nsocket_read: looker\n' >> ${CONFIG}`);
  await machine.run('systemctl', 'restart', UNIT);
  await changed(machine, 'MainPID', before_lists);
  t.regex(await asUser(machine, 'looker', 'status'), /granted[^]*exit 0/);
  t.regex(await asUser(machine, 'looker', 'invoke', 'f'), /HP_AGENT_NOT_ALLOWED[^]*exit 2/);
  t.regex(await asUser(machine, 'doer', 'invoke', 'f', '--json'), /"outcome":"done"[^]*exit 0/);

  await machine.run('dpkg', '--purge', 'hotplane');
  t.is(await property(machine, 'ActiveState'), 'inactive');
  const group = await machine.run('sh', '-c', `ls -d ${GROUP_OF_VMS} || true`);
  t.is(group, '', 'nor is their group left');
  t.is(await vmms(machine), '', 'who removes the package ends the VMs');
  t.is(await machine.run('sh', '-c', 'ls -d /var/lib/hotplane /run/hotplane || true'), '');
});

/** Pids of VMMs in the machine. */
const vmms = (machine: Machine): Promise<string> =>
  machine.run('sh', '-c', 'grep -ls "^qemu-system" /proc/[0-9]*/cmdline || true');
