/** Functions of packages in real VMs, behind an agent in this process and its HTTP. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { pino } from 'pino';
import { HostAgent } from '../../agent/executor/host-agent.ts';
import { prepareImages } from '../../agent/executor/built-images.ts';
import { HttpSurface } from '../../agent/http/surface.ts';
import type { Policy } from '../../agent/core/policy.ts';
import type { FunctionStatus } from '../../agent/model/messages.ts';
import type { Operation } from '../../agent/model/records.ts';
import { assert } from '../../base/assert.ts';
import { hostClock } from '../../base/clock.ts';
import { cacheDir } from '../../base/paths.ts';
import { silentProgress } from '../../base/progress.ts';
import { GIB, KIB } from '../../base/units.ts';
import { makeFunction, programOf, readFunctionFile } from '../../cli/function/program.ts';
import { specOfManifest } from '../../cli/function/manifest.ts';
import { type Hypervisor, openHypervisor } from '../../hypervisor-client/index.ts';
import { heardFunction } from './heard.ts';
import { ask, type HttpAnswer } from './http/asking.ts';
import { recorded } from './recorded.ts';

/** Longest that one call may take here: an interpreter starts slowly where nothing accelerates. */
const CALL_MS = 300_000;

export interface FunctionHost {
  readonly agent: HostAgent;
  /** Recorded until now. */
  readonly operations: readonly Operation[];
  /** Where its VMs have their folders. */
  readonly vms_dir: string;
  /** Process of the one VM of a function. */
  pidOf(name: string): number;
  /** Those that took memory from a function, once there are so many; records follow answers. */
  unplugsOf(name: string, count: number): Promise<readonly Operation[]>;
  /** Deploys a folder of these files, `function.yaml` among them. */
  deploy(files: Readonly<Record<string, string>>): Promise<void>;
  /** Deploys a folder that is there. */
  deployFolder(folder: string): Promise<void>;
  call(
    path: string,
    body?: Uint8Array | string,
    how?: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<HttpAnswer>;
  /** What its instances wrote until now. */
  writtenBy(name: string): string;
  statusOf(name: string): Promise<FunctionStatus>;
}

export async function functionHost(
  t: ExecutionContext,
  mechanisms: readonly string[],
  { policy, hypervisor }: { readonly policy?: Policy; readonly hypervisor?: Hypervisor } = {},
): Promise<FunctionHost> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-functions-'));
  const log = pino({ level: 'error' });
  const signal = new AbortController().signal;
  const wanted = { mechanisms, guest_kernel: 'series', progress: silentProgress } as const;
  const agent = new HostAgent({
    clock: hostClock,
    hypervisor: hypervisor ?? (await openHypervisor('qemu')),
    images: await prepareImages({ ...wanted, signal, log }),
    log,
    host_limit_bytes: 6 * GIB,
    vms_dir: folder,
    version: 'test',
    ...(policy ? { policy } : {}),
  });
  const surface = await HttpSurface.listen({ host: '127.0.0.1', port: 0 }, log);
  surface.attach(agent);
  const operations: Operation[] = [];
  agent.hub.listen((kind, record) => {
    if (kind === 'operation' && 'region_id' in record && 'before_bytes' in record) {
      operations.push(record);
    }
  });
  t.teardown(async () => {
    await surface.close();
    await agent.stop(0);
    await rm(folder, { recursive: true, force: true });
  });
  const port = surface.server.port ?? 0;
  const deployFolder = async (path: string): Promise<void> => {
    const read = await readFunctionFile(join(path, 'function.yaml'));
    const made = await makeFunction(read, { cache_dir: cacheDir(), progress: silentProgress });
    await agent.deploy(specOfManifest(read.manifest, programOf(read, made)));
  };
  let folders = 0;
  return {
    agent,
    operations,
    vms_dir: folder,
    pidOf: (name) => pidOf(agent, name),
    unplugsOf: async (name, count) =>
      await recorded(
        () => operations,
        count,
        (one) => one.function === name && one.kind === 'unplug',
      ),
    deployFolder,
    deploy: async (files) => {
      folders += 1;
      const dir = join(folder, `function-${folders}`);
      await mkdir(dir);
      for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
      await deployFolder(dir);
    },
    call: async (path, body = '', { method = 'POST', headers = {} } = {}) => {
      const where = { host: '127.0.0.1', port, timeout: CALL_MS };
      return await ask({ ...where, method, headers, path: `/functions/${path}` }, body);
    },
    writtenBy: (name) =>
      agent.logs
        .read(name, 0)
        .map(({ bytes }) => Buffer.from(bytes).toString())
        .join(''),
    statusOf: async (name) => await heardFunction(agent, name),
  };
}

function pidOf(agent: HostAgent, name: string): number {
  const vm = [...agent.state.vms.values()].find((one) => one.function === name);
  assert(vm?.facts, 'its VM runs');
  return vm.facts.vmm_pid;
}

/**
 * Resident bytes of what an emulator has translated of the guest's code: it grows with every new
 * line that is run, and is not there where the processor runs the guest itself.
 */
export async function translatedBytes(vmm_pid: number): Promise<number> {
  const smaps = await readFile(`/proc/${vmm_pid}/smaps`, 'utf8');
  const mappings = smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return mappings
    .filter((mapping) => /^\S+ rwx/.test(mapping))
    .reduce((sum, mapping) => sum + Number(/^Rss:\s+(\d+) kB/m.exec(mapping)?.[1]) * KIB, 0);
}
