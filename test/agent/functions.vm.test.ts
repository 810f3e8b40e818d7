/**
 * Goal: what people write runs as they wrote it, through the whole path: package, agent, HTTP, VM,
 * sandbox, runtime; and costs what it has to, not more.
 * Method: real VMs with base runtimes of Debian; the requests of any HTTP client.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { AGENT_LIMITS } from '../../agent/limits.ts';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { KIB, MIB } from '../../base/units.ts';
import { ECHO_PROGRAM } from '../../bench/invoke/path/echo-function.ts';
import { waitFor } from '../../base/wait.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';
import { type FunctionHost, functionHost, translatedBytes } from './function-host.ts';

/** What starts many interpreters takes minutes where nothing accelerates. */
const IS_LONG = process.env['HOTPLANE_LONG_FUNCTIONS'] !== undefined;

const HELLO = `def handler(event, context):
    print("said to", event["name"])
    return {"message": f"Hello, {event['name']}!"}
`;
/** Every instance so far gave its region back whole, and no page was moved for it. */
async function gaveBack(
  t: ExecutionContext,
  host: FunctionHost,
  { name, count }: { readonly name: string; readonly count: number },
): Promise<void> {
  await host.agent.drain(name);
  const unplugs = await host.unplugsOf(name, count);
  t.is(unplugs.length, count);
  for (const unplug of unplugs) t.like(unplug, { outcome: 'done', plugged_bytes: 0 });
  t.is((await host.statusOf(name)).pages_migrated, 0, 'in the guest, since it began');
}
const inMib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
const manifest = (name: string, rest: string): string => `name: ${name}\n${rest}`;

test.serial(
  'eight Python instances at once answer, share one runtime, and give their memory back',
  async (t) => {
    const host = await functionHost(t, ['hotmem']);
    const rest = 'runtime: python3\nhandler: handler.handler\nmemory: 128MiB\nmechanism: hotmem\n';
    await host.deploy({
      'function.yaml': manifest('hello', `${rest}concurrency: 8\nkeep_alive: 1h\n`),
      'handler.py': HELLO,
    });
    /** Bytes of the VM that are of no instance's own region, with and without an emulator's. */
    const besideBytes = async () => {
      const { vm_resident_bytes, regions } = await host.statusOf('hello');
      const own = regions.reduce((sum, region) => sum + (region.resident_bytes ?? 0), 0);
      const all = (vm_resident_bytes ?? Number.NaN) - own;
      return { all, of_guest: all - (await translatedBytes(host.pidOf('hello'))) };
    };
    const say = async (name: string): Promise<void> => {
      const answer = await host.call('hello', JSON.stringify({ name }));
      t.like(answer, { status: 200, type: 'application/json' }, answer.body);
      t.deepEqual(JSON.parse(answer.body), { message: `Hello, ${name}!` });
    };
    await say('Ada');
    const of_one = await besideBytes();
    await gaveBack(t, host, { name: 'hello', count: 1 });
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(say));
    // One that was ready first may have served them all: the others' starts go on.
    const settled = async () =>
      (await host.statusOf('hello')).instances_starting === 0 ? 1 : null;
    await waitFor(settled, { clock: hostClock, deadline_ms: AGENT_LIMITS.program_start_ms });
    const { instances_idle, shared_bytes, tmp_bytes, kernel_bytes } = await host.statusOf('hello');
    t.true((shared_bytes ?? 0) > 8 * MIB, 'Python and its library are in the page cache');
    t.log(`shared ${shared_bytes}, files in memory ${tmp_bytes}, guest kernel ${kernel_bytes}`);
    const of_all = await besideBytes();
    const ratio = of_all.of_guest / of_one.of_guest;
    t.log(`beside regions: one ${inMib(of_one.of_guest)}, all ${inMib(of_all.of_guest)}`);
    t.log(`with an emulator's translations: one ${inMib(of_one.all)}, all ${inMib(of_all.all)}`);
    t.log(`ratio ${ratio.toFixed(3)}, with translations ${(of_all.all / of_one.all).toFixed(3)}`);
    t.is(instances_idle, 8);
    t.true(ratio <= 1.1, `${ratio}`);
    t.regex(host.writtenBy('hello'), /said to Ada\n/);

    await gaveBack(t, host, { name: 'hello', count: 1 + instances_idle });
  },
);

const SERVER = `import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        print("asked for", self.path)
        told = json.dumps({"path": self.path, "name": self.headers["X-Name"], "bytes": len(body)})
        self.send_response(201)
        self.send_header("Content-Type", "application/vnd.shop+json")
        self.send_header("Content-Length", str(len(told)))
        self.send_header("X-Shop", "open")
        self.end_headers()
        self.wfile.write(told.encode())
    def log_message(self, *args):
        pass

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`;

test.serial(
  'a program that serves HTTP sees the request as it was sent, and its answer comes back',
  async (t) => {
    const host = await functionHost(t, ['virtio-mem']);
    const command = 'command: [python3, /var/task/server.py]\n';
    await host.deploy({
      'function.yaml': manifest(
        'shop',
        `runtime: python3\ninterface: http\n${command}memory: 128MiB\n`,
      ),
      'server.py': SERVER,
    });
    const how = { method: 'PUT', headers: { 'x-name': 'Ada' } };
    const answer = await host.call('shop/cart/7?all=1', Buffer.alloc(300_000), how);
    t.like(answer, { status: 201, type: 'application/vnd.shop+json' }, answer.body);
    t.is(answer.headers['x-shop'], 'open');
    t.deepEqual(JSON.parse(answer.body), { path: '/cart/7?all=1', name: 'Ada', bytes: 300_000 });
    t.regex(host.writtenBy('shop'), /asked for \/cart\/7\?all=1\n/, 'before its answer');
    t.like(await host.call('shop', '', { method: 'GET' }), { status: 501 }, 'its own refusal');
  },
);

test.serial('large answers behind which their programs end at once come whole', async (t) => {
  const host = await functionHost(t, ['virtio-mem']);
  const command = 'command: [python3, /var/task/leaving.py]\n';
  const rest = `runtime: python3\ninterface: http\n${command}memory: 128MiB\nconcurrency: 4\n`;
  const program = join(PROJECT_ROOT, 'test/guest/runtime/programs/leaving.py');
  await host.deploy({
    'function.yaml': manifest('leaving', rest),
    'leaving.py': await readFile(program, 'utf8'),
  });
  let whole = 0;
  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all([1, 2, 3, 4].map(() => host.call('leaving')));
    for (const { status, body } of answers) {
      if (status === 200) t.is(body.length, 6 * MIB);
      else t.true(body.includes('HP_AGENT_INSTANCE_EXITED'), body);
      if (status === 200) whole += 1;
    }
  }
  // A call that comes as its program ends may have reached it, and is not made twice.
  t.log(`${whole} of 12 whole`);
  t.true(whole >= 4, `${whole} of 12`);
});

/** An archive as registries give them: two layers, a user, a folder and a command of its own. */
async function archiveOf(t: ExecutionContext, program: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hp-image-'));
  t.teardown(async () => await rm(dir, { recursive: true, force: true }));
  const image = `${join(dir, 'layout')}:v1`;
  const umoci = async (...args: readonly string[]): Promise<void> => {
    await execa('umoci', args, { cwd: dir });
  };
  await writeFile(join(dir, 'passwd'), 'app:x:1234:77::/srv:/bin/false\n');
  await umoci('init', '--layout', join(dir, 'layout'));
  await umoci('new', '--image', image);
  await umoci('insert', '--rootless', '--image', image, join(dir, 'passwd'), '/etc/passwd');
  await umoci('insert', '--rootless', '--image', image, program, '/srv/bin/serve');
  const config = { user: 'app', workingdir: '/srv', entrypoint: 'bin/serve', env: 'COLOUR=blue' };
  for (const [key, value] of Object.entries(config)) {
    await umoci('config', '--image', image, `--config.${key}`, value);
  }
  await execa('tar', ['-cf', join(dir, 'shop.tar'), '-C', join(dir, 'layout'), '.']);
  return join(dir, 'shop.tar');
}

test.serial('an archive that another tool made runs without change', async (t) => {
  const program = await ensureStaticProgram({
    name: 'bench-echo',
    ...ECHO_PROGRAM,
  });
  const archive = await archiveOf(t, program);
  const host = await functionHost(t, ['virtio-mem']);
  const rest = `package: oci-archive:${archive}\ninterface: http\nmemory: 128MiB\n`;
  await host.deploy({ 'function.yaml': manifest('archived', rest) });
  for (const size of [0, 1, 256 * KIB]) {
    const body = Buffer.alloc(size, 'archived');
    const { status, body: answer } = await host.call('archived', body);
    t.is(status, 200, answer);
    t.is(answer, body.toString(), `${size} bytes come back as they were`);
  }
});

const HEAP = `import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
export async function handler() {
  const memory_max = readFileSync('/sys/fs/cgroup/memory.max', 'utf8').trim();
  return { heap: getHeapStatistics().heap_size_limit, memory_max };
}
`;

test.serial("the limit of Node's heap follows the memory of an instance", async (t) => {
  if (!IS_LONG) {
    t.pass('HOTPLANE_LONG_FUNCTIONS is not set');
    return;
  }
  const host = await functionHost(t, ['hotmem']);
  for (const [name, mib] of [
    ['small', 256],
    ['large', 512],
  ] as const) {
    const rest = `runtime: node\nhandler: handler.handler\nmemory: ${mib}MiB\nmechanism: hotmem\n`;
    const files = {
      'function.yaml': manifest(name, `${rest}concurrency: 1\n`),
      'handler.mjs': HEAP,
    };
    await host.deploy(files);
    const answer = await host.call(name, '{}');
    t.is(answer.status, 200, answer.body);
    const { heap, memory_max } = JSON.parse(answer.body);
    t.is(Number(memory_max), mib * MIB);
    t.log(`${mib} MiB: a heap of ${Math.round(heap / MIB)} MiB`);
    t.true(heap > mib * MIB * 0.6 && heap < mib * MIB, `${heap}`);
    await gaveBack(t, host, { name, count: 1 });
  }
});
