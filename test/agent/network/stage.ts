/**
 * An agent and its VMs in a network namespace with a bridge, and a server in another one, which are
 * joined by a pair of devices. Nothing leaves the two.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { hostClock } from '../../../base/clock.ts';
import { cacheDir, PROJECT_ROOT } from '../../../base/paths.ts';
import { waitFor } from '../../../base/wait.ts';
import { ensureStaticProgram } from '../../../images/rootfs/program.ts';
import { Namespace } from '../../netns.ts';
import { ask } from '../http/asking.ts';

export const GATEWAY = '10.77.0.1';
export const OUTSIDE = '10.77.0.2';
/** The first function gets the first two addresses of the pool, the second one the next two. */
export const FIRST = '10.77.8.0';
export const FIRST_OTHER = '10.77.8.1';
export const SECOND = '10.77.8.2';
export const PORT = 8_000;
const MAIN = join(PROJECT_ROOT, 'cli', 'main.ts');

const SERVER = `
const { createServer } = require('node:http');
const greet = (request, response) => response.end('hello from outside to ' +
  request.socket.remoteAddress.replace('::ffff:', ''));
createServer(greet).listen(${PORT}, '0.0.0.0', () => console.log('listens'));
`;

/** How a command ended, and what it said. */
interface Said {
  readonly code: number;
  readonly text: string;
}

export interface Stage {
  readonly host: Namespace;
  readonly outside: Namespace;
  readonly folder: string;
  /** Starts an agent, once for each life of it. */
  readonly startAgent: () => Promise<ChildProcess>;
  readonly hotplane: (...words: readonly string[]) => Promise<Said>;
  readonly deploy: (name: string, network: string) => Promise<Said>;
  readonly call: (path: string) => Promise<string>;
  readonly deadline_ms: number;
}

/** Whose VMs they are, and how long one thing may take. */
export interface StageOptions {
  readonly vmm: string;
  readonly deadline_ms: number;
  /** For an agent of root: users of VMMs, one for each (FIRST-LAST). Default: there are none. */
  readonly vmm_uids?: string;
}

/** The function's program, built on the host that has the compiler. */
export async function ensureNetworkClient(): Promise<string> {
  const sources = [join(PROJECT_ROOT, 'test/agent/network/client.c')];
  return await ensureStaticProgram({ name: 'test-network-client', sources });
}

/** Two namespaces with a bridge in the first, a port of which leads to the second. */
async function spaces(t: ExecutionContext): Promise<{ host: Namespace; outside: Namespace }> {
  const host = await Namespace.make(t);
  const outside = await Namespace.make(t);
  for (const command of [
    'ip link add hpbr type bridge',
    'ip link set hpbr mtu 1400 up',
    `ip address add ${GATEWAY}/16 dev hpbr`,
    `ip link add out0 mtu 1400 type veth peer name eth0 netns ${outside.name}`,
    'ip link set out0 master hpbr up',
    // What leads packets on, as hosts with containers do.
    'sysctl -qw net.ipv4.ip_forward=1',
  ]) {
    await host.run(command);
  }
  await outside.run('ip link set eth0 mtu 1400 up');
  await outside.run(`ip address add ${OUTSIDE}/16 dev eth0`);
  return { host, outside };
}

async function started(
  t: ExecutionContext,
  command: readonly string[],
  { said, deadline_ms }: { readonly said: string; readonly deadline_ms: number },
): Promise<ChildProcess> {
  const [program = '', ...rest] = command;
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const over = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGTERM');
    await over;
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  }
  const look = () => (text.includes(said) || child.exitCode !== null ? true : null);
  await waitFor(look, { clock: hostClock, deadline_ms, longest_pause_ms: 50 });
  if (!text.includes(said)) throw new Error(`${command.join(' ')}: ${text}`);
  child.once('exit', () => t.log(text.slice(-2_000)));
  return child;
}

/**
 * Words before an agent whose VMMs are others, in a mount namespace of its own: the folder has the
 * cache where they can come to it, and the control device of TAP devices as udev makes it.
 */
async function inReach(folder: string): Promise<readonly string[]> {
  await chmod(folder, 0o711);
  await mkdir(join(folder, 'cache'));
  await execa('mknod', ['-m', '666', join(folder, 'tun'), 'c', '10', '200']);
  const mounts = 'mount --bind "$0/tun" /dev/net/tun && mount --bind "$1" "$0/cache"';
  const script = `${mounts} && shift && HOTPLANE_CACHE=$0/cache exec "$@"`;
  return ['sh', '-c', script, folder, cacheDir()];
}

export async function networkStage(
  t: ExecutionContext,
  { vmm, deadline_ms, vmm_uids }: StageOptions,
): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-net-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const program = await ensureNetworkClient();
  const before = vmm_uids === undefined ? [] : await inReach(folder);
  const { host, outside } = await spaces(t);
  const server = [...outside.enter, process.execPath, '-e', SERVER];
  await started(t, server, { said: 'listens', deadline_ms });
  const socket = join(folder, 'a.sock');
  const http = join(folder, 'http.sock');
  const hotplane: Stage['hotplane'] = async (...words) => {
    const { exitCode = 1, all } = await execa(process.execPath, [MAIN, ...words], {
      env: { HOTPLANE_SOCKET: socket },
      reject: false,
      all: true,
    });
    return { code: exitCode, text: all };
  };
  return {
    host,
    outside,
    folder,
    deadline_ms,
    hotplane,
    startAgent: async () => {
      const options = {
        socket,
        'state-dir': join(folder, 'state'),
        'http-listen': http,
        bridges: `hpbr=${GATEWAY}/16:${FIRST}/24`,
        dns: `${OUTSIDE},${GATEWAY}`,
        mechanisms: 'virtio-mem',
        'guest-kernel': 'untouched',
        'host-limit': '3GiB',
        vmm,
        ...(vmm_uids !== undefined && { 'vmm-uids': vmm_uids }),
      };
      const given = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
      const agent = [process.execPath, MAIN, 'agent', ...given, '--overcommit', '--config=none'];
      return await started(t, [...host.enter, ...before, ...agent], {
        said: 'serving on',
        deadline_ms,
      });
    },
    deploy: async (name, network) => {
      const dir = join(folder, name);
      await mkdir(dir);
      await copyFile(program, join(dir, 'client'));
      await writeFile(
        join(dir, 'function.yaml'),
        `name: ${name}\ninterface: http\ncommand: [/var/task/client]\nmemory: 128MiB\n` +
          `boot_memory: 256MiB\nconcurrency: 2\nkeep_alive: 1h\n${network}`,
      );
      return await hotplane('deploy', '--file', join(dir, 'function.yaml'));
    },
    call: async (path) => {
      const where = { socketPath: http, timeout: deadline_ms, path: `/functions/${path}` };
      const { status, body } = await ask({ ...where, method: 'GET' });
      t.is(status, 200, `${path}: ${body}`);
      return body;
    },
  };
}

/** What somebody outside gets from a port of that address. */
export async function fromOutside(
  { outside, deadline_ms }: Stage,
  address: string,
): Promise<string> {
  const program = `fetch('http://${address}:8080/look').then((a) => a.text()).then(console.log)`;
  const command = [...outside.enter, process.execPath, '-e', program];
  return (await execa('env', command, { timeout: deadline_ms })).stdout;
}
