/**
 * Random answers and event streams: the client never crashes, never hangs, and never believes a
 * size that the VM cannot have. HOTPLANE_FUZZ_RUNS sets the number of runs (default 20,000 in all).
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isHotplaneError } from '../../../base/errors.ts';
import { largestBytes } from '../../../hypervisor-client/cloud-hypervisor/answers.ts';
import { attribute, pluggedSum } from '../../../hypervisor-client/cloud-hypervisor/driver/book.ts';
import { readErrorMessages } from '../../../hypervisor-client/cloud-hypervisor/error-body.ts';
import { holds, numberOf } from '../../seed.ts';
import {
  CloudHypervisor,
  EventParser,
  type VmInfo,
} from '../../../hypervisor-client/cloud-hypervisor/index.ts';

const RUNS = numberOf('HOTPLANE_FUZZ_RUNS', 20_000);
const DEADLINE_MS = 2_000;
const MIB = 1024 * 1024;

/** Parts of the runs: over a socket they take twenty times as long as without. */
const share = (part: number): number => Math.max(1, Math.round(RUNS * part));
/** How many calls are made at the same time, each on a socket of its own. */
const LANES = 8;

/** A server that answers every request with the bytes it was told, then ends. */
class RawServer {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #chunks: readonly Uint8Array[] = [];
  #closes = true;

  constructor(path: string) {
    this.path = path;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      socket.on('data', () => {
        for (const chunk of this.#chunks) socket.write(chunk);
        if (this.#closes) socket.end();
      });
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve));
    return this;
  }

  answerWith(chunks: readonly Uint8Array[], closes: boolean): void {
    this.#chunks = chunks;
    this.#closes = closes;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

const size = fc.oneof(
  fc.integer({ min: 0, max: 4096 }).map((count) => count * MIB),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(null, '1', -1, 2 ** 53),
);

const zone = fc.record(
  { id: fc.oneof(fc.string(), fc.integer()), size, hotplug_size: size, hotplugged_size: size },
  { requiredKeys: [] },
);

/** Answers of vm.info that are nearly right, so that the checks behind the first are reached. */
const nearlyInfo = fc.record(
  {
    config: fc.oneof(
      fc.record(
        {
          payload: fc.object(),
          memory: fc.oneof(
            fc.record({ size, zones: fc.oneof(fc.array(zone), fc.jsonValue()) }),
            fc.jsonValue(),
          ),
        },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    ),
    state: fc.oneof(fc.constantFrom('Created', 'Running', 'Paused'), fc.string()),
    memory_actual_size: size,
    device_tree: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
  },
  { requiredKeys: ['config', 'state', 'memory_actual_size'] },
);

const body = fc.oneof(
  nearlyInfo.map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string(),
  fc.string({ unit: 'binary' }),
);

/** A status line and headers that are right, wrong or both. */
const answer = fc
  .record({
    status: fc.oneof(fc.constantFrom(200, 204, 400, 404, 429, 500, 503), fc.nat(1_000)),
    type: fc.constantFrom('application/json', 'text/html', ''),
    length_error: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0) },
      fc.integer({ min: -5, max: 5 }),
    ),
    junk: fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.string()),
    body,
  })
  .map(({ status, type, length_error, junk, body: text }) => {
    const length = Math.max(0, Buffer.byteLength(text) + length_error);
    const head = `HTTP/1.1 ${status} \r\n${junk}Content-Type: ${type}\r\nContent-Length: ${length}`;
    return Buffer.from(`${head}\r\n\r\n${text}`);
  });

const bytes = fc.oneof(
  { weight: 4, arbitrary: answer },
  fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array)),
);

/** The answer is cut anywhere, into two writes or for good. */
const stream = fc.record({ bytes, cut: fc.nat(600), keep_rest: fc.boolean() });

/** What the client believed must be possible. */
function isPossible({ memory_actual_size, config: told }: VmInfo): boolean {
  const largest = largestBytes(told);
  return (
    Number.isSafeInteger(memory_actual_size) &&
    memory_actual_size >= 0 &&
    Number.isFinite(largest) &&
    memory_actual_size <= largest
  );
}

async function fuzzLane(t: ExecutionContext, lane: number, runs: number): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-fuzz-'));
  const server = await new RawServer(join(root, 'ch.sock')).listen();
  const ch = new CloudHypervisor({ socket_path: server.path, deadline_ms: DEADLINE_MS });
  try {
    await holds(
      t,
      fc.asyncProperty(stream, async ({ bytes: all, cut, keep_rest }) => {
        const parts = [all.subarray(0, cut), ...(keep_rest ? [all.subarray(cut)] : [])];
        server.answerWith(parts, true);
        return await ch.observe
          .info()
          .then(
            isPossible,
            (error: unknown) => isHotplaneError(error) && error.code.startsWith('HP_CH_'),
          );
      }),
      { lane, runs },
    );
  } finally {
    await ch.close();
    await server.close();
    await rm(root, { recursive: true, force: true });
  }
}

test('random answers over the socket end in a typed error or a size that can be', async (t) => {
  const lanes = Array.from({ length: LANES }, (_, lane) => lane);
  await Promise.all(lanes.map((lane) => fuzzLane(t, lane, share(0.4 / LANES))));
});

test('random error bodies become short sentences', async (t) => {
  await holds(
    t,
    fc.property(body, (text) => readErrorMessages(text).every((one) => one.length <= 1_024)),
    { runs: share(0.2) },
  );
});

const event = fc.record({
  timestamp: fc.record({ secs: fc.nat(), nanos: fc.nat(999_999_999) }),
  source: fc.string(),
  event: fc.string(),
  properties: fc.option(fc.dictionary(fc.string(), fc.string())),
});

/** A stream of records with some of its bytes left out and cut into chunks anywhere. */
const eventStream = fc.record({
  events: fc.array(event, { maxLength: 6 }),
  junk: fc.array(fc.record({ at: fc.nat(2_000), length: fc.nat(80) }), { maxLength: 3 }),
  noise: fc.uint8Array({ maxLength: 40 }),
  cuts: fc.array(fc.nat(2_000), { maxLength: 5 }),
});

function encodeEvents(events: readonly unknown[]): Buffer {
  return Buffer.from(events.map((one) => `${JSON.stringify(one, null, 2)}\n\n`).join(''));
}

function feed(all: Buffer, cuts: readonly number[]): { count: number; lost: number } {
  const parser = new EventParser();
  let count = 0;
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), all.length]) {
    const to = Math.max(from, Math.min(cut, all.length));
    count += parser.push(all.subarray(from, to)).length;
    from = to;
  }
  return { count: count + parser.end().length, lost: parser.lost };
}

test('whole event streams are read whole, however they are cut into chunks', async (t) => {
  await holds(
    t,
    fc.property(eventStream, ({ events, cuts }) => {
      const { count, lost } = feed(encodeEvents(events), cuts);
      return count === events.length && lost === 0;
    }),
    { runs: share(0.1) },
  );
});

test('damaged event streams give no more events than were written, and no crash', async (t) => {
  await holds(
    t,
    fc.property(eventStream, ({ events, junk, noise, cuts }) => {
      let all = encodeEvents(events);
      for (const { at, length } of junk) {
        all = Buffer.concat([all.subarray(0, at), all.subarray(at + length)]);
      }
      return feed(Buffer.concat([all, noise]), cuts).count <= events.length;
    }),
    { runs: share(0.15) },
  );
});

const regions = fc.array(
  fc.record({
    blocks: fc.integer({ min: 1, max: 64 }),
    requested: fc.nat(64),
    plugged: fc.nat(64),
  }),
  { minLength: 1, maxLength: 8 },
);

test('the sum of all regions is what the server told, and none is beyond its bounds', async (t) => {
  await holds(
    t,
    fc.property(
      regions,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(8),
      (all, share_, at) => {
        const targets = all.map(({ blocks, requested }, index) => ({
          device_id: `r${index}`,
          max_bytes: blocks * 2 * MIB,
          requested_bytes: Math.min(requested, blocks) * 2 * MIB,
        }));
        const before = targets.map((target, index) => ({
          ...target,
          plugged_bytes: Math.min(all[index]?.plugged ?? 0, all[index]?.blocks ?? 0) * 2 * MIB,
        }));
        const max_bytes = targets.reduce((sum, { max_bytes: most }) => sum + most, 0);
        const sum_bytes = Math.floor((max_bytes * share_) / (2 * MIB)) * 2 * MIB;
        const book = attribute(before, targets, sum_bytes, `r${at}`);
        const total = book.reduce((sum, { plugged_bytes }) => sum + plugged_bytes, 0);
        const bounded = book.every(
          ({ plugged_bytes, max_bytes: most }) => plugged_bytes >= 0 && plugged_bytes <= most,
        );
        return bounded && total === sum_bytes;
      },
    ),
    { runs: share(0.15) },
  );
});

test('a sum below the boot memory or above the maximum is refused', (t) => {
  const info = (memory_actual_size: number): VmInfo => ({
    config: { payload: {}, memory: { size: 0, zones: [{ id: 'base', size: 256 * MIB }] } },
    state: 'Running',
    memory_actual_size,
  });
  t.is(pluggedSum(info(300 * MIB), 64 * MIB), 44 * MIB);
  t.throws(() => pluggedSum(info(255 * MIB), 64 * MIB), { code: 'HP_CH_IMPLAUSIBLE' });
  t.throws(() => pluggedSum(info(400 * MIB), 64 * MIB), { code: 'HP_CH_IMPLAUSIBLE' });
});
