/**
 * What the client costs, against fakes in another process:
 *
 *   node tools/cloud-hypervisor-bench/bench.ts [CALLS] [VMS] [SECONDS]
 *
 * Prints p50 and p99 of vm.info, the same for a bare socket that sends the same bytes, and how busy
 * one core is with polling many VMs once a second. Ends with 1 when a target is missed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostClock } from '../../base/clock.ts';
import { CloudHypervisor } from '../../hypervisor-client/cloud-hypervisor/index.ts';

const TARGETS = { p50_ms: 0.2, p99_ms: 1, busy_percent: 30 };
const FARM = fileURLToPath(new URL('bench-farm.ts', import.meta.url));
const REQUEST = 'GET /api/v1/vm.info HTTP/1.1\r\nHost: localhost\r\n\r\n';

const [calls = 20_000, vms = 1_000, seconds = 20] = process.argv.slice(2).map(Number);

const fixed = (value: number): string => value.toFixed(3);

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

async function time(count: number, call: () => Promise<unknown>) {
  for (let index = 0; index < count / 10; index += 1) await call();
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const before = performance.now();
    await call();
    times.push(performance.now() - before);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { p50_ms: percentile(sorted, 0.5), p99_ms: percentile(sorted, 0.99) };
}

/** The floor: the same request on a bare socket, the answer read and thrown away. */
async function timeBare(path: string, count: number) {
  const socket = connect(path);
  await once(socket, 'connect');
  const result = await time(count, async () => {
    socket.write(REQUEST);
    await once(socket, 'data');
  });
  socket.destroy();
  return result;
}

/** Every VM once a second, spread over the second, as an agent with many VMs does. */
async function poll(clients: readonly CloudHypervisor[], for_s: number) {
  const before = process.cpuUsage();
  const start_ms = performance.now();
  let failed = 0;
  let late_ms = 0;
  const pending: Promise<unknown>[] = [];
  const slice = Math.ceil(clients.length / 50);
  for (let tick = 0; tick < for_s * 50; tick += 1) {
    const due_ms = start_ms + tick * 20;
    const wait_ms = due_ms - performance.now();
    if (wait_ms > 0) await hostClock.sleep(wait_ms);
    late_ms = Math.max(late_ms, performance.now() - due_ms);
    const first = (tick % 50) * slice;
    for (const ch of clients.slice(first, first + slice)) {
      pending.push(
        ch.observe.info().catch(() => {
          failed += 1;
        }),
      );
    }
  }
  await Promise.all(pending);
  const took_ms = performance.now() - start_ms;
  const { user, system } = process.cpuUsage(before);
  const busy_percent = (user + system) / 10 / took_ms;
  return { busy_percent, calls: pending.length, failed, late_ms };
}

const root = await mkdtemp(join(tmpdir(), 'hotplane-bench-'));
const farm = spawn(process.execPath, [FARM, root, String(vms)], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const clients = Array.from(
  { length: vms },
  (_, index) => new CloudHypervisor({ socket_path: join(root, `${index}.sock`) }),
);
try {
  await once(farm.stdout, 'data');
  const [first] = clients;
  if (!first) throw new Error('there must be at least one VM');
  const bare = await timeBare(first.socket_path, calls);
  const info = await time(calls, async () => await first.observe.info());
  console.log(`bare socket  p50 ${fixed(bare.p50_ms)} ms  p99 ${fixed(bare.p99_ms)} ms`);
  console.log(`vm.info      p50 ${fixed(info.p50_ms)} ms  p99 ${fixed(info.p99_ms)} ms`);
  const polled = await poll(clients, seconds);
  console.log(
    `${vms} VMs polled once a second for ${seconds} s: ${polled.busy_percent.toFixed(1)} % of one ` +
      `core busy, ${polled.calls} calls, ${polled.failed} failed, at most ${polled.late_ms.toFixed(0)} ms late`,
  );
  const met =
    info.p50_ms <= TARGETS.p50_ms &&
    info.p99_ms <= TARGETS.p99_ms &&
    polled.busy_percent <= TARGETS.busy_percent &&
    polled.failed === 0;
  console.log(met ? 'all targets met' : `missed a target of ${JSON.stringify(TARGETS)}`);
  process.exitCode = met ? 0 : 1;
} finally {
  for (const ch of clients) await ch.close();
  farm.kill();
  await rm(root, { recursive: true, force: true });
}
