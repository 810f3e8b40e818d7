/**
 * What the server refuses, and what it takes to everybody's surprise: one table for both servers.
 */
import { request } from 'node:http';
import { join } from 'node:path';
import { CH_LIMITS } from '../../../hypervisor-client/cloud-hypervisor/limits.ts';
import { vmConfig } from '../../../hypervisor-client/cloud-hypervisor/driver/config.ts';
import type { JsonObject } from '../../../base/json.ts';
import { configIn } from './stage.ts';

const MIB = 1024 * 1024;

export interface Refusal {
  readonly name: string;
  /** Calls in order, `METHOD route` or `METHOD route body`; all but the last must be taken. */
  readonly calls: readonly string[];
  /** Status of the last one, and what its answer says. */
  readonly status: number;
  readonly says?: RegExp;
}

/** Sends bytes as they are; resolves to status and body. */
export async function rawCall(
  socket_path: string,
  call: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const [method = '', route = '', ...rest] = call.split(' ');
  const body = rest.join(' ');
  return await new Promise((resolve, reject) => {
    const path = `/api/v1/${route}`;
    const headers = body === '' ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = request({ socketPath: socket_path, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const create = (config: object): string => `PUT vm.create ${JSON.stringify(config)}`;

/** The table for a server whose files are in `root`; `kernel` boots. */
export function refusalsIn(root: string): readonly Refusal[] {
  const good = { ...configIn(root), payload: { kernel: join(root, 'kernel'), cmdline: 'x' } };
  const text = JSON.stringify(good);
  const zones = (change: JsonObject): object => ({
    ...good,
    memory: {
      size: 0,
      hotplug_method: 'VirtioMem',
      zones: [
        { id: 'base', size: 256 * MIB },
        { id: 'region-r0', size: 2 * MIB, hotplug_size: 256 * MIB, ...change },
      ],
    },
  });
  const memory = (change: JsonObject): object => ({
    ...good,
    memory: { ...good.memory, ...change },
  });
  return [
    ...shapes(good, text, zones, memory),
    ...boots(root, good, zones, memory),
    ...states(root, good),
  ];
}

type Change = (change: JsonObject) => object;

/** 400: not the shape of a configuration. */
function shapes(good: object, text: string, zones: Change, memory: Change): Refusal[] {
  const not = (name: string, config: object): Refusal => ({
    name,
    calls: [create(config)],
    status: 400,
    says: /Failed to deserialize JSON/,
  });
  const raw = (name: string, body: string): Refusal => ({
    ...not(name, {}),
    calls: [`PUT vm.create ${body}`],
  });
  const resize = (name: string, body: object): Refusal => ({
    ...not(name, {}),
    calls: [create(good), `PUT vm.resize-zone ${JSON.stringify(body)}`],
  });
  return [
    not('a payload that is a text', { ...good, payload: 'x' }),
    not('a kernel that is a number', { ...good, payload: { kernel: 5 } }),
    not('memory without a size', { ...good, memory: {} }),
    not('memory that is null', { ...good, memory: null }),
    not('a size as a text', memory({ size: '0' })),
    not('a size with a fraction', memory({ size: 0.5 })),
    not('a negative size', memory({ size: -1 })),
    not('a zone without an id', zones({ id: undefined })),
    not('a zone size as a text', zones({ size: '2097152' })),
    not('zones that are no list', memory({ zones: {} })),
    not('an unknown hotplug method', memory({ hotplug_method: 'Acpix' })),
    not('a flag as a text', zones({ shared: 'yes' })),
    not('a negative NUMA node', zones({ host_numa_node: -1 })),
    not('CPUs without a number', { ...good, cpus: {} }),
    not('CPUs without the most', { ...good, cpus: { boot_vcpus: 1 } }),
    not('half a CPU', { ...good, cpus: { boot_vcpus: 1.5, max_vcpus: 2 } }),
    not('a serial port without a mode', { ...good, serial: {} }),
    not('an unknown mode', { ...good, serial: { mode: 'Filex' } }),
    not('a vsock without a socket', { ...good, vsock: { cid: 3 } }),
    not('a context id beyond 32 bits', { ...good, vsock: { cid: 2 ** 32, socket: '/s' } }),
    not('a NUMA node that is a text', { ...good, numa: [{ guest_numa_id: '0' }] }),
    raw('a whole number with a point', text.replace('"size":0', '"size":0.0')),
    raw('a field given twice', `${text.slice(0, -1)},"serial":{"mode":"Null"}}`),
    raw('a field of a zone given twice', text.replace('"id":"base"', '"id":"base","id":"base"')),
    raw('a text behind the end', `${text} x`),
    raw('a body that is cut', text.slice(0, -5)),
    raw('a number for a body', '5'),
    raw('nothing but null', 'null'),
    { ...raw('an empty body', ''), says: /^$/ },
    resize('a resize without a size', { id: 'region-r0' }),
    resize('a resize of half a byte', { id: 'region-r0', desired_ram: 1.5 }),
    resize('a resize by text', { id: 'region-r0', desired_ram: '1' }),
    resize('a resize of nothing', {}),
    {
      name: 'taken: an unknown field, twice',
      calls: [`PUT vm.create ${text.slice(0, -1)},"a":1,"a":2}`],
      status: 204,
    },
    { name: 'taken: an empty configuration', calls: ['PUT vm.create {}'], status: 204 },
    { name: 'taken: a GET with a body', calls: [create(good), 'GET vm.info {}'], status: 200 },
  ];
}

/** The driver's own configuration, with a zone added where the driver would refuse. */
function withRegions(root: string, count: number): object {
  const spec = {
    id: 'many',
    run_dir: root,
    kernel_path: join(root, 'kernel'),
    initrd_path: join(root, 'kernel'),
    kernel_arguments: [],
    vcpus: 1,
    boot_bytes: 512 * MIB,
    devices: [],
    backing: 'anonymous',
    accelerator: 'kvm',
  } as const;
  const { memory, ...config } = vmConfig(spec, { landlock: false, host_numa_node: null });
  const added = Array.from({ length: count }, (_, index) => ({
    id: `region-${index}`,
    size: 2 * MIB,
    hotplug_size: 128 * MIB,
  }));
  return { ...config, memory: { ...memory, zones: [...(memory?.zones ?? []), ...added] } };
}

/** Stored as it is, refused at the boot. */
function boots(root: string, good: object, zones: Change, memory: Change): Refusal[] {
  const at = (name: string, config: object, status: number, says: RegExp): Refusal => ({
    name,
    calls: [create(config), 'PUT vm.boot'],
    status,
    says,
  });
  const kernel = join(root, 'kernel');
  const missing = join(root, 'missing');
  const twice = [
    { guest_numa_id: 0, cpus: [0], memory_zones: ['base'] },
    { guest_numa_id: 1, memory_zones: ['base'] },
  ];
  const unknown = [{ guest_numa_id: 0, cpus: [0], memory_zones: ['nope'] }];
  const cpus = (boot_vcpus: number, max_vcpus: number) => ({
    ...good,
    cpus: { boot_vcpus, max_vcpus },
  });
  const vsock = (cid: number) => ({ ...good, vsock: { cid, socket: join(root, 'vsock') } });
  const payload = (changes: object) => ({ ...good, payload: { kernel, cmdline: 'x', ...changes } });
  return [
    at('no payload', {}, 400, /No bootitem provided/),
    at('fewer CPUs than boot', cpus(2, 1), 400, /Max CPUs \(1\) lower than boot CPUs \(2\)/),
    at('too many CPUs', cpus(70_000, 70_000), 400, /70000 but 8192 is the limit/),
    at('more CPUs than the host has', cpus(5000, 5000), 500, /CPU manager.*exceeds host limit/),
    at('a special context id', vsock(2), 400, /2 is a special VSOCK CID/),
    at('a zone in two nodes', { ...good, numa: twice }, 400, /belongs to multiple NUMA nodes/),
    at('an unknown zone in a node', { ...good, numa: unknown }, 500, /Invalid NUMA configuration/),
    at(
      'a size beside zones',
      memory({ size: 256 * MIB }),
      500,
      /Memory configuration is not valid/,
    ),
    at('no zones', memory({ zones: [] }), 500, /No memory zones found/),
    at('a zone id twice', zones({ id: 'base' }), 500, /identifier is not unique/),
    at('a zone of nothing', zones({ size: 0 }), 500, /region creation/),
    at('the wrong method', memory({ hotplug_method: 'Acpi' }), 500, /Invalid hotplug method/),
    at(
      'a region that is misaligned',
      zones({ hotplug_size: 256 * MIB + 4096 }),
      500,
      /not aligned/,
    ),
    at('a target misaligned', zones({ hotplugged_size: MIB }), 500, /Failed to resize virtio-mem/),
    at('a target too large', zones({ hotplugged_size: 512 * MIB }), 500, /not valid/),
    at('a kernel that is not there', payload({ kernel: missing }), 500, /Cannot open kernel file/),
    at('a kernel that is a folder', payload({ kernel: root }), 500, /load|kernel/i),
    at('an initramfs not there', payload({ initramfs: missing }), 500, /Cannot open initramfs/),
    at('a disk not there', { ...good, disks: [{ path: missing }] }, 500, /Cannot open disk path/),
    {
      name: 'taken: as many regions as the driver allows, with its other devices',
      calls: [create(withRegions(root, CH_LIMITS.zones_per_vm)), 'PUT vm.boot'],
      status: 204,
    },
    at(
      'one region more',
      withRegions(root, CH_LIMITS.zones_per_vm + 1),
      500,
      /Could not find an available device slot/,
    ),
    {
      name: 'a console in a folder that is not there',
      calls: [create({ ...good, serial: { mode: 'File', file: join(root, 'no', 'where') } })],
      status: 500,
      says: /could not be created.*console device/,
    },
  ];
}

const zone = (bytes: number): string =>
  `PUT vm.resize-zone ${JSON.stringify({ id: 'region-r0', desired_ram: bytes })}`;

const CALLS_OF_A_VM = [
  ...['pause', 'resume', 'nmi', 'power-button', 'shutdown'].map((name) => `PUT vm.${name}`),
  'GET vm.counters',
];

const without = (call: string, status: number, says: RegExp): Refusal => ({
  name: `without a VM: ${call}`,
  calls: [call],
  status,
  says,
});

/** Calls that need a VM, or a configuration. */
const WITHOUT_A_VM: readonly Refusal[] = [
  ...CALLS_OF_A_VM.map((call) => without(call, 500, /VM is not running/)),
  without('PUT vm.reboot', 404, /VM is not created/),
  without('GET vm.info', 404, /VM is not created/),
  without('PUT vm.boot', 404, /VM config is missing/),
  without(zone(4 * MIB), 404, /VM is not created/),
  without('PUT vm.resize {}', 404, /VM is not created/),
  without('PUT vm.add-disk {}', 404, /VM is not created/),
  without('PUT vm.remove-device {"id":"x"}', 404, /VM is not created/),
  without('PUT vm.nope', 404, /Not Found/),
  without('GET vm.boot', 400, /Bad Request/),
  without('PUT vm.boot {}', 400, /Bad Request/),
];

const after = (name: string, calls: readonly string[], status: number, says?: RegExp): Refusal => ({
  name,
  calls,
  status,
  ...(says ? { says } : {}),
});

/** What a state allows. */
function states(root: string, good: object): Refusal[] {
  const made = create(good);
  const bad = create({ ...good, payload: { kernel: join(root, 'no-kernel') } });
  const running = [made, 'PUT vm.boot'];
  const paused = [...running, 'PUT vm.pause'];
  const ended = [...running, 'PUT vm.shutdown'];
  const again = /already created/;
  const transition = /InvalidStateTransition\(Paused, Paused\)/;
  const boot_bytes = (256 + 6 + 2) * MIB;
  return [
    ...WITHOUT_A_VM,
    ...CALLS_OF_A_VM.map((call) =>
      after(`after shutdown: ${call}`, [...ended, call], 500, /VM is not running/),
    ),
    after('created twice', [made, made], 500, again),
    after('booted twice', [...running, 'PUT vm.boot'], 500, again),
    after('booted after a late failure', [bad, '? PUT vm.boot', 'PUT vm.boot'], 500, again),
    after('taken: shutdown after a late failure', [bad, '? PUT vm.boot', 'PUT vm.shutdown'], 204),
    after('paused twice', [...paused, 'PUT vm.pause'], 500, transition),
    after('reboot of a configuration', [made, 'PUT vm.reboot'], 404, /VM is not created/),
    after('taken: reboot while paused', [...paused, 'PUT vm.reboot'], 204),
    after('it runs then', [...paused, 'PUT vm.reboot', 'GET vm.info'], 200, /"state":"Running"/),
    after('taken: counters while paused', [...paused, 'GET vm.counters'], 200),
    after('taken: nmi while paused', [...paused, 'PUT vm.nmi'], 204),
    after('taken: a power button', [...running, 'PUT vm.power-button'], 204),
    after('it runs on', [...running, 'PUT vm.power-button', 'GET vm.info'], 200, /"Running"/),
    after('Created after shutdown', [...ended, 'GET vm.info'], 200, /"state":"Created"/),
    after(
      'a resize after shutdown is of the boot size',
      [...ended, zone(6 * MIB), 'GET vm.info'],
      200,
      new RegExp(`"memory_actual_size":${boot_bytes}`),
    ),
    after('taken: boot after shutdown', [...ended, 'PUT vm.boot'], 204),
    after(
      'the same target twice',
      [...running, zone(130 * MIB), zone(130 * MIB)],
      500,
      /identical/,
    ),
    after('a target below the boot size', [...running, zone(1)], 500, /below boot size/),
    after('a target not aligned', [...running, zone(4 * MIB + 1)], 500, /not aligned/),
  ];
}
