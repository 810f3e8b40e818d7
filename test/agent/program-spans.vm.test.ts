/**
 * Goal: a function that anyone wrote has spans with what its runtime brings: a part of its memory
 * goes back to the host while its call runs on, and neither its end nor its misdeeds leave
 * anything.
 * Method: real VMs; the Python of docs/spans.md, and one that asks as it should not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AgentClient } from '../../agent/api/client.ts';
import type { OperationEntry } from '../../agent/model/list-messages.ts';
import type { Operation } from '../../agent/model/records.ts';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { LIMITS } from '../../base/limits.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { runLine } from '../cli/run-line.ts';
import { type FunctionHost, functionHost } from './function-host.ts';
import { holdsBeside, timesOf } from './neighbour.ts';
import { pending } from './pending.ts';
import { recorded } from './recorded.ts';
import { SERIES_REVISION } from '../series-revision.ts';

/** The first revision of the series that has spans. */
const REVISION = 9;
const onSpanKernel = SERIES_REVISION >= REVISION ? test.serial : test.serial.skip;
const RECORDS_MS = 120_000;
const TIMES = 5;
const SPAN_BYTES = 64 * MIB;
/** Beside a flood, which they must not outlast. */
const CALLS = 50;
const SHARE = 0.96;
/** Of a short span beside one that is held: an agent is killed and started meanwhile. */
const HELD_TIMES = 300;

/** How long a flood takes, and what it may still do after that; words of spans that are heard. */
const FLOOD_S = 45;
const FLOOD_S_MAX = 100;
const SLACK_S = 15;
const FLOODS = 20;
const ASKED_PER_S = 200;

/** The Python of the page for people, so that it is right. */
const [, EXAMPLE = ''] =
  /```python\n(.*?)```/s.exec(readFileSync(join(PROJECT_ROOT, 'docs/spans.md'), 'utf8')) ?? [];

const HANDLER = `import errno, fcntl, mmap, os, struct, time
from spans import ask, open_span, close_span

kept = []

def touch(memory):
    for at in range(0, len(memory), 4096):
        if memory[at] != 0:
            raise ValueError(f"byte {at} was not zero")
        memory[at] = 1

def flood(seconds):
    import socket
    lines = b"open data 4096\\nclose data\\n\\x00garbage\\nopen other\\n" * 2000
    until = time.monotonic() + seconds
    ways = []
    said = 0
    while time.monotonic() < until:
        for _ in range(20):
            way = socket.socket(socket.AF_UNIX)
            way.setblocking(False)
            try:
                way.connect(os.environ["HOTPLANE_SPANS"])
                said += way.send(lines)
            except OSError:
                pass
            ways.append(way)
        for way in ways[:-100]:
            way.close()
        ways = ways[-100:]
    return said

def errno_of(what):
    try:
        what()
        return "none"
    except OSError as error:
        return errno.errorcode[error.errno]

def misuse(size):
    HOTMEM_IOC_ATTACH = 0x4008bc00
    [file] = ask(f"open data {size}")
    attached = errno_of(lambda: fcntl.ioctl(file, HOTMEM_IOC_ATTACH, struct.pack("II", 0, 0)))
    mmap.mmap(file, size, flags=mmap.MAP_PRIVATE).close()
    ask("close data")
    memory = open_span("data", size)
    again = errno_of(lambda: mmap.mmap(file, size, flags=mmap.MAP_PRIVATE))
    close_span("data", memory)
    return [attached, again]

def handler(event, context):
    what, size, times = event["what"], event.get("bytes", 0), event.get("times", 1)
    if what == "limit":
        with open("/sys/fs/cgroup/memory.max") as limit:
            return int(limit.read())
    if what == "misuse":
        return misuse(size)
    if what == "flood":
        return flood(event["seconds"])
    if what != "cycle":
        kept.append(open_span("data", size))
        touch(kept[-1])
    if what == "keep":
        return "kept"
    if what == "die":
        os._exit(1)
    if what == "hold":
        for _ in range(times):
            close_span("model", open_span("model", 2 << 20))
        touched = sum(kept[-1][at] for at in range(0, size, 4096))
        close_span("data", kept.pop())
        return touched
    refused = ""
    for _ in range(times):
        memory = open_span("data", size)
        touch(memory)
        try:
            ask("close data")
        except MemoryError as error:
            refused = str(error)
        close_span("data", memory)
    return refused
`;

const MANIFEST = (name: string, concurrency = 2): string => `name: ${name}
runtime: python3
handler: handler.handler
memory: 128MiB
mechanism: hotmem
concurrency: ${concurrency}
keep_alive: 1h
spans: { data: 128MiB, model: 2MiB }
`;

async function deployed(t: ExecutionContext, concurrency?: number): Promise<FunctionHost> {
  const host = await functionHost(t, ['hotmem']);
  const files = { 'handler.py': HANDLER, 'spans.py': EXAMPLE };
  await host.deploy({ ...files, 'function.yaml': MANIFEST('f', concurrency) });
  return host;
}

const call = async (host: FunctionHost, about: Readonly<Record<string, unknown>>) =>
  await host.call('f', JSON.stringify({ bytes: SPAN_BYTES, ...about }));

const isWhole = (one: Operation): boolean =>
  Math.max(one.before_bytes, one.requested_bytes) >= SPAN_BYTES;

/** All whole spans with that cause, once there are so many. */
const wholeSpans = async (
  { operations }: FunctionHost,
  cause: 'open' | 'close',
  count: number,
): Promise<readonly Operation[]> =>
  await recorded(
    () => operations,
    count,
    (one) => one.cause === cause && isWhole(one),
  );

function allBack(t: ExecutionContext, closed: readonly Operation[]): void {
  for (const one of closed) {
    t.like(one, { outcome: 'done', error_code: null, span: 'data' });
    t.deepEqual([one.plugged_bytes, one.resident_bytes], [0, 0], 'host resident is back');
    t.true((one.resident_before_bytes ?? 0) >= SPAN_BYTES, 'it was all touched before');
  }
}

onSpanKernel(
  `a Python function opens, touches and gives back a span ${TIMES} times in a call`,
  async (t) => {
    const host = await deployed(t);
    const { status, body } = await call(host, { what: 'cycle', times: TIMES });
    t.is(status, 200, body);
    t.is(JSON.parse(body), 'data a part of it is mapped', 'what is mapped is not closed');
    const closed = await wholeSpans(host, 'close', TIMES);
    t.is(closed.length, TIMES);
    allBack(t, closed);
    const opened = await wholeSpans(host, 'open', TIMES);
    t.deepEqual(
      opened.map(({ outcome }) => outcome),
      opened.map(() => 'done'),
    );
    t.is(host.operations.filter(({ cause }) => cause === 'stop').length, 0, 'it runs on');
    t.like(await host.statusOf('f'), { pages_migrated: 0, oom_kills: 0 });

    const whole = await call(host, { what: 'cycle', bytes: 128 * MIB });
    t.is(whole.status, 200, `as much as its own memory comes beside that: ${whole.body}`);
    const misuse = await call(host, { what: 'misuse' });
    t.deepEqual(
      JSON.parse(misuse.body),
      ['EBUSY', 'ESTALE'],
      'it attaches nobody, and after its close is worth nothing',
    );
    const limit = await call(host, { what: 'limit' });
    t.is(Number(limit.body), 128 * MIB, 'its limit is what it was');
    const large = await call(host, { what: 'cycle', bytes: 1024 * MIB });
    t.regex(large.body, /HP_AGENT_SPAN_DENIED.*more than its 128 MiB/);
    t.like(await call(host, { what: 'cycle' }), { status: 200 }, 'it serves on');
  },
);

onSpanKernel('a Python function that ends with a span leaves nothing of it', async (t) => {
  const host = await deployed(t);
  for (const [index, what] of ['die', 'keep'].entries()) {
    const { status } = await call(host, { what });
    t.is(status === 200, what === 'keep', what);
    const closed = await wholeSpans(host, 'close', index + 1);
    t.is(closed.length, index + 1);
    allBack(t, closed);
    t.like(await call(host, { what: 'cycle', bytes: 2 * MIB }), { status: 200 }, 'next is served');
  }
  t.is((await host.statusOf('f')).pages_migrated, 0);
});

const shortCalls = async (host: FunctionHost) =>
  await timesOf(
    async () => {
      const { status, body } = await call(host, { what: 'cycle', times: 0 });
      if (status !== 200) throw new Error(`${status}: ${body}`);
    },
    { calls: CALLS },
  );

onSpanKernel(
  'a Python function that floods its socket delays neither neighbour nor agent',
  async (t) => {
    const host = await deployed(t);
    // Both instances, so that none has to be started beside the flood.
    const both = [call(host, { what: 'flood', seconds: 1 }), call(host, { what: 'cycle' })];
    for (const { status, body } of await Promise.all(both)) t.is(status, 200, body);
    // One that was ready first may have served both: the other's start goes on.
    const both_idle = async () => ((await host.statusOf('f')).instances_idle === 2 ? true : null);
    t.true(await waitFor(both_idle, { clock: hostClock, deadline_ms: RECORDS_MS }));
    const before_ms = await shortCalls(host);
    const { length } = host.operations;

    // As slow as calls beside it may be, they are within it.
    const quiet_s = before_ms.reduce((sum, ms) => sum + ms, 0) / 1_000;
    const seconds = Math.min(FLOOD_S_MAX, Math.max(FLOOD_S, Math.ceil(12 * quiet_s)));
    const state = { is_over: false };
    const flood = pending(
      call(host, { what: 'flood', seconds }).finally(() => (state.is_over = true)),
    );
    const beside_ms = await shortCalls(host);
    const asked_ms = hostClock.nowMs();
    const { instances_busy } = await host.statusOf('f');
    const status_ms = hostClock.nowMs() - asked_ms;
    if (state.is_over) t.log(await flood);
    t.deepEqual([state.is_over, instances_busy], [false, 1], 'it flooded all the while');
    t.true(status_ms < LIMITS.guest_call_ms, 'the guest tells its figures in time');
    const { status, body } = await flood;
    t.is(status, 200, body);
    const heard = host.operations.slice(length);
    t.log(`${body} bytes of lines, ${heard.length} operations`);
    t.true(heard.length <= (seconds + SLACK_S) * ASKED_PER_S, `${heard.length} operations`);
    t.like(await call(host, { what: 'cycle' }), { status: 200 }, 'it serves on');
    const after_ms = await shortCalls(host);
    const quiet_ms = [...before_ms, ...after_ms];
    holdsBeside(t, 'flood', { quiet_ms, beside_ms, share: SHARE });
  },
);

onSpanKernel(
  'what a call that flooded its socket left there is not for the next one',
  async (t) => {
    const host = await deployed(t, 1);
    for (let i = 0; i < FLOODS; i++) {
      const { status, body } = await call(host, { what: 'flood', seconds: 1 });
      t.is(status, 200, body);
      const next = await call(host, { what: 'cycle' });
      t.is(next.status, 200, `after flood ${i + 1}: ${next.body}`);
    }
  },
);

/** `hotplane agent` as a process, serving. */
async function agentIn(t: ExecutionContext, folder: string, socket: string) {
  const main = join(PROJECT_ROOT, 'cli', 'main.ts');
  const words = ['--config=none', '--vmm=qemu', '--mechanisms=hotmem', `--socket=${socket}`];
  const args = [main, 'agent', ...words, `--state-dir=${join(folder, 'state')}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  t.teardown(() => {
    if (!t.passed) t.log(said.slice(-6_000));
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  }
  const is_over = (): boolean => child.exitCode !== null || child.signalCode !== null;
  t.teardown(async () => {
    if (is_over()) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  const served = () => (said.includes('serving on') || is_over() ? true : null);
  await waitFor(served, { clock: hostClock, deadline_ms: RECORDS_MS });
  if (is_over()) throw new Error(`the agent did not serve: ${said}`);
  const client = new AgentClient(socket);
  t.teardown(() => client.close());
  const ended: OperationEntry[] = [];
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const reading = (async () => {
    for await (const one of client.endedOperations({ follow: true }, stop.signal)) ended.push(one);
  })();
  reading.catch(() => undefined);
  return { child, client, ended };
}

/** Through the client, as any caller. */
async function invokeBy(client: AgentClient, invocation_id: string, about: object) {
  const payload = Buffer.from(JSON.stringify({ bytes: SPAN_BYTES, ...about }));
  const content_type = 'application/json';
  const how = { timeout_ms: RECORDS_MS * 2, http: null };
  return await client.invoke({ function: 'f', invocation_id, payload, content_type, ...how });
}

function closesOf(ended: readonly OperationEntry[], name: string): Operation[] {
  return ended.flatMap(({ operation }) =>
    operation?.cause === 'close' && operation.span === name ? operation : [],
  );
}

onSpanKernel(
  'a span that is open when its agent is killed is open under the next one',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'hp-spans-'));
    t.teardown(async () => await rm(folder, { recursive: true, force: true }));
    const socket = join(folder, 'a.sock');
    const first = await agentIn(t, folder, socket);
    await mkdir(join(folder, 'f'));
    const files = { 'handler.py': HANDLER, 'spans.py': EXAMPLE, 'function.yaml': MANIFEST('f') };
    for (const [name, text] of Object.entries(files))
      await writeFile(join(folder, 'f', name), text);
    const { code, err } = await runLine(`deploy -f ${folder}/f/function.yaml --socket ${socket}`);
    t.is(code, 0, err);
    const untilClosed = async (ended: readonly OperationEntry[], name: string, count: number) => {
      const look = () => (closesOf(ended, name).length >= count ? true : null);
      t.true(await waitFor(look, { clock: hostClock, deadline_ms: RECORDS_MS }), name);
    };
    const lost = pending(invokeBy(first.client, 'held', { what: 'hold', times: HELD_TIMES }));
    await untilClosed(first.ended, 'model', 3);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    await t.throwsAsync(lost);

    const next = await agentIn(t, folder, socket);
    const held = [];
    for await (const { region_id, instance_id, span, plugged_bytes } of next.client.regions()) {
      if (span === 'data') held.push({ region_id, instance_id, plugged_bytes });
    }
    t.is(held.filter(({ instance_id }) => instance_id !== null).length, 1, JSON.stringify(held));
    await untilClosed(next.ended, 'model', 3);
    t.is(closesOf(next.ended, 'data').length, 0, 'it is still open');
    await untilClosed(next.ended, 'data', 1);
    allBack(t, closesOf(next.ended, 'data'));
    const { outcome, cold } = await invokeBy(next.client, 'next', { what: 'cycle' });
    t.deepEqual([outcome, cold], ['done', false], 'by the same instance');
  },
);
