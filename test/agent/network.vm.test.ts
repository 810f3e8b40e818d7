/**
 * Goal: a function reaches what is on the bridge it is deployed on, and no other function; without
 * a network there is nothing but loopback.
 * Method: an agent and its VMs in a network namespace with a bridge, and a server in another one,
 * which are joined by a pair of devices. Nothing leaves the two.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { waitFor } from '../../base/wait.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';
import { Namespace, whyNoNamespaces } from '../netns.ts';
import { ask } from './http/asking.ts';

const GATEWAY = '10.77.0.1';
const OUTSIDE = '10.77.0.2';
/** The first function gets the first two addresses of the pool, the second one the next two. */
const FIRST = '10.77.8.0';
const SECOND = '10.77.8.2';
const PORT = 8_000;
const CALL_MS = 120_000;
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

interface Stage {
  readonly host: Namespace;
  readonly outside: Namespace;
  readonly folder: string;
  /** Starts an agent, once for each life of it. */
  readonly startAgent: () => Promise<ChildProcess>;
  readonly hotplane: (...words: readonly string[]) => Promise<Said>;
  readonly deploy: (name: string, network: string) => Promise<Said>;
  readonly call: (path: string) => Promise<string>;
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
  said: string,
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
  await waitFor(look, { clock: hostClock, deadline_ms: CALL_MS, longest_pause_ms: 50 });
  if (!text.includes(said)) throw new Error(`${command.join(' ')}: ${text}`);
  child.once('exit', () => t.log(text.slice(-2_000)));
  return child;
}

async function stage(t: ExecutionContext): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-net-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const program = await ensureStaticProgram({
    name: 'test-network-client',
    sources: [join(PROJECT_ROOT, 'test/agent/network/client.c')],
  });
  const { host, outside } = await spaces(t);
  await started(t, [...outside.enter, process.execPath, '-e', SERVER], 'listens');
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
        vmm: 'qemu',
      };
      const given = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
      const agent = [process.execPath, MAIN, 'agent', ...given, '--overcommit', '--config=none'];
      return await started(t, [...host.enter, ...agent], 'serving on');
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
      const where = { socketPath: http, timeout: CALL_MS, path: `/functions/${path}` };
      const { status, body } = await ask({ ...where, method: 'GET' });
      t.is(status, 200, `${path}: ${body}`);
      return body;
    },
  };
}

/** What somebody outside gets from a port of that address. */
async function fromOutside({ outside }: Stage, address: string): Promise<string> {
  const program = `fetch('http://${address}:8080/look').then((a) => a.text()).then(console.log)`;
  const command = [...outside.enter, process.execPath, '-e', program];
  return (await execa('env', command, { timeout: 30_000 })).stdout;
}

const on_bridge = 'network: {bridge: hpbr}\n';
const why = await whyNoNamespaces();
const run = why === null ? test.serial : test.serial.skip;
if (why !== null) console.log(`skipped: ${why}`);

run('functions on a bridge fetch from a server there, and are kept apart', async (t) => {
  const here = await stage(t);
  const { host, call, deploy, hotplane } = here;
  const agent = await here.startAgent();

  const unknown = await deploy('elsewhere', 'network: {bridge: other}\n');
  t.is(unknown.code, 3, unknown.text);
  t.regex(unknown.text, /'other' is not among the bridges .* \(hpbr\)/);

  for (const [name, network] of [
    ['first', on_bridge],
    ['second', on_bridge],
    ['alone', ''],
  ] as const) {
    const { code, text } = await deploy(name, network);
    t.is(code, 0, text);
  }
  const fetched = await call(`first/fetch/${OUTSIDE}/${PORT}`);
  t.regex(fetched, new RegExp(`^at ${FIRST}\n`));
  t.regex(fetched, new RegExp(`hello from outside to ${FIRST}$`));
  t.regex(await call('second/look'), new RegExp(`^at ${SECOND}\n`));

  const looked = await call('first/look');
  t.regex(looked, /\/etc\/resolv.conf: nameserver 10.77.0.2\n.*nameserver 10.77.0.1\n/);
  t.deepEqual(devicesIn(looked), ['lo', 'net0']);
  const alone = await call('alone/look');
  t.regex(alone, /^at none\n/);
  t.deepEqual(devicesIn(alone), ['lo'], 'nothing but loopback');
  t.regex(await call(`alone/fetch/${OUTSIDE}/${PORT}`), /failed: Network is unreachable/);

  // Two instances of the first: one waits while the other is started.
  await Promise.all([call('first/wait/3000'), call('first/wait/3000')]);
  for (const address of [FIRST, '10.77.8.1', SECOND]) {
    t.regex(await fromOutside(here, address), new RegExp(`^at ${address}\n`), 'it listens');
  }
  const status = await hotplane('status', 'first');
  t.regex(status.text, new RegExp(`network +hpbr: \\S+ ${FIRST}, \\S+ 10\\.77\\.8\\.1\n`));
  const others = await call(`first/others/${FIRST}/3`);
  t.notRegex(others, /reached/);
  t.is(others.match(/: /g)?.length, 2, others);
  t.regex(await call(`second/fetch/${FIRST}/8080`), /failed: /);

  // Each has its address again after a stop, though the kernel is slow to take the old one away.
  t.is((await hotplane('drain', 'first')).code, 0);
  t.regex(await call(`first/fetch/${OUTSIDE}/${PORT}`), new RegExp(`outside to ${FIRST}$`));

  const taps = (await host.devices()).filter((name) => name.startsWith('hp') && name !== 'hpbr');
  t.is(taps.length, 2, 'one for each VM that has a network');
  const gone = once(agent, 'exit');
  agent.kill('SIGKILL');
  await gone;
  await here.startAgent();
  t.deepEqual(await fetchedAgain(here), FIRST, 'a VM that was taken up has its address still');
  t.is((await hotplane('remove', 'second')).code, 0);
  t.is((await host.devices()).filter((name) => taps.includes(name)).length, 1);
  t.is((await hotplane('remove', 'first')).code, 0);
  t.is((await host.devices()).filter((name) => taps.includes(name)).length, 0);
});

const devicesIn = (looked: string): string[] =>
  [...looked.matchAll(/^\/proc\/net\/dev:\s+(\w+):/gm)].map(([, name = '']) => name).toSorted();

async function fetchedAgain({ call }: Stage): Promise<string> {
  const fetched = await call(`first/fetch/${OUTSIDE}/${PORT}`);
  return /outside to ([\d.]+)$/.exec(fetched)?.[1] ?? fetched;
}
