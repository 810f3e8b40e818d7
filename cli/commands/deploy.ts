import { HOST_NODE_MAX } from '../../hypervisor-client/host/host-nodes.ts';
import { BACKINGS, type FunctionSpec, type MemorySpec } from '../../agent/model/spec.ts';
import type { DeployResponse } from '../../agent/model/messages.ts';
import { MECHANISMS, STOCK } from '../../agent/model/mechanism.ts';
import { DEFAULT_POOL } from '../../agent/model/pool-spec.ts';
import { isObject } from '../../base/json.ts';
import { LIMITS } from '../../base/limits.ts';
import { formatMs } from '../../base/units.ts';
import type { YamlText } from '../../base/yaml.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { parsePromise, PROMISE_WANTED } from '../function/promise.ts';
import { tableOfKeys, tiersOfOptions } from '../function/tiers.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { badArguments, badValue } from '../errors.ts';
import { spanSpecsOf } from '../span-option.ts';
import { Values } from '../values.ts';
import { withAgent } from '../with-agent.ts';

/** Null: an instance has all of its memory from its start to its end. */
function memoryOf(values: Values): MemorySpec | null {
  const bytes = (name: string): number | null =>
    values.optional(name) === undefined ? null : values.bytes(name);
  const given = ['baseline', 'increment', 'grow-wait'].some((name) => values.optional(name));
  const history = values.flag('history');
  if (!given && !history) return null;
  const wait_s_max = LIMITS.grow_wait_ms_max / 1_000;
  const has_wait = values.optional('grow-wait') !== undefined;
  return {
    baseline_bytes: bytes('baseline'),
    increment_bytes: bytes('increment'),
    history,
    grow_wait_ms: has_wait
      ? Math.ceil(values.number('grow-wait', 0.001, wait_s_max) * 1_000)
      : null,
    // It takes more than an option has room for: a key of function.yaml.
    expression: null,
  };
}

/** Null: no bounds of its own. */
function instancesOf(values: Values): FunctionSpec['instances'] {
  const given = (name: string): boolean => values.optional(name) !== undefined;
  if (!given('min-instances') && !given('max-instances')) return null;
  const most = LIMITS.regions_per_vm * LIMITS.vms_per_host;
  const max = given('max-instances') ? values.whole('max-instances', 1, most) : null;
  const min = given('min-instances') ? values.whole('min-instances', 0, max ?? most) : 0;
  return { min, max };
}

/** Options that say how a function is, with what they are when nobody says. */
const DEFAULTS = {
  mechanism: STOCK,
  concurrency: '8',
  'max-vms': '1',
  vcpus: '1',
  'boot-memory': '512MiB',
  'keep-alive': '60',
  backing: 'anonymous',
} as const;

/** Options that do not say how a function is. */
const BESIDE_FILE: ReadonlySet<string> = new Set([
  'file',
  'socket',
  'json',
  'dry-run',
  'no-update',
]);

/** The function of --file, its package built where it has to be. Throws HP_YAML, HP_IMAGE_*. */
async function specOfFile(text: YamlText, input: CommandInput): Promise<FunctionSpec> {
  const { stderr, signal } = input;
  const [{ makeFunction, programOf, readFunctionFile }, manifest, paths, { createProgress }] =
    await Promise.all([
      import('../function/program.ts'),
      import('../function/manifest.ts'),
      import('../../base/paths.ts'),
      import('../../base/progress.ts'),
    ]);
  const read = await readFunctionFile(text.path, text);
  const { name, tiers } = read.manifest;
  const table = await tableOfKeys(name, tiers, text.path);
  const progress = createProgress({ stream: stderr });
  const made = await makeFunction(read, { cache_dir: paths.cacheDir(), progress, signal });
  return manifest.specOfManifest(read.manifest, programOf(read, made), table);
}

/** The text of --file; null: there is none. Throws HP_YAML. */
async function readFile({ positionals, values }: CommandInput): Promise<YamlText | null> {
  const path = values.optional('file');
  if (path === undefined) return null;
  const beside = Object.keys(values.raw).find((name) => !BESIDE_FILE.has(name));
  const what = positionals[0] ?? (beside === undefined ? null : `--${beside}`);
  if (what !== null) {
    throw badArguments('deploy', `${what} is given beside --file, which says all of the function.`);
  }
  const { readYaml } = await import('../../base/yaml.ts');
  return await readYaml(path);
}

async function specOf(text: YamlText | null, input: CommandInput): Promise<FunctionSpec> {
  if (text) return await specOfFile(text, input);
  if (input.values.optional('limit') === undefined) {
    throw badArguments('deploy', '--limit is required.');
  }
  if (input.positionals[0] === undefined) throw badArguments('deploy', 'NAME is missing.');
  return await specOfOptions(new Values({ ...DEFAULTS, ...input.values.raw }), input.positionals);
}

async function specOfOptions(
  values: Values,
  positionals: readonly string[],
): Promise<FunctionSpec> {
  const name = positionals[0] ?? '';
  return {
    name,
    mechanism: values.choice('mechanism', MECHANISMS.names),
    limit_bytes: values.bytes('limit'),
    concurrency: values.whole('concurrency', 1, LIMITS.regions_per_vm),
    vcpus: values.whole('vcpus', 1, 64),
    boot_bytes: values.bytes('boot-memory'),
    keep_alive_ms: values.number('keep-alive', 0, 1e6) * 1_000,
    argv: values.list('arg'),
    backing: values.choice('backing', BACKINGS),
    init_on_alloc: values.flag('init-on-alloc'),
    guest_huge_pages: values.flag('guest-huge-pages'),
    max_vms: values.whole('max-vms', 1, LIMITS.vms_per_host),
    memory: memoryOf(values),
    instances: instancesOf(values),
    network: null,
    tenant: values.optional('tenant') ?? null,
    ...promisesOf(values),
    pool: values.flag('pool') ? DEFAULT_POOL : null,
    host_node: hostNodeOf(values),
    tiers: await tiersOfOptions(name, values),
    spans: spanSpecsOf(values),
    program: null,
  };
}

const hostNodeOf = (values: Values): number | null =>
  values.optional('host-node') === undefined ? null : values.whole('host-node', 0, HOST_NODE_MAX);

/** When its invocations are to be over, and its memory back. Throws HP_CLI_BAD_VALUE. */
function promisesOf(values: Values): Pick<FunctionSpec, 'deadline_ms' | 'reclaim_slo'> {
  const of_memory = values.optional('reclaim-slo');
  const reclaim_slo = of_memory === undefined ? null : parsePromise(of_memory);
  if (of_memory !== undefined && !reclaim_slo) {
    throw badValue('reclaim-slo', of_memory, PROMISE_WANTED.replace('must be ', ''));
  }
  if (values.optional('deadline') === undefined) return { deadline_ms: null, reclaim_slo };
  return {
    deadline_ms: values.number('deadline', 0.001, LIMITS.invocation_ms / 1_000) * 1_000,
    reclaim_slo,
  };
}

/** What was changed, or would be, and what that took. */
function updateText(
  name: string,
  { revision, changed, replaced_vms }: DeployResponse,
  { dry_run }: { readonly dry_run: boolean },
): string {
  const fields = changed.join(', ');
  const vms = replaced_vms === 1 ? '1 VM' : `${replaced_vms} VMs`;
  if (dry_run) {
    const how = replaced_vms === 0 ? 'in place' : `and ${vms} replaced, one by one`;
    return `${name}: ${fields} would change, ${how}; its revision is ${revision}\n`;
  }
  const how = replaced_vms === 0 ? 'in place' : `${vms} replaced`;
  return `${name}: revision ${revision}: ${fields} changed, ${how}\n`;
}

async function run(input: CommandInput): Promise<void> {
  const text = await readFile(input);
  // What a file is about is its first word: the name of a DAG, or that of a function.
  if (isObject(text?.value) && Object.hasOwn(text.value, 'dag')) {
    const { deployDagFile } = await import('../dag/deploy.ts');
    return await deployDagFile(text, input);
  }
  const spec = await specOf(text, input);
  const { stdout, values } = input;
  const how = { update: !values.flag('no-update'), dry_run: values.flag('dry-run') };
  const deployed = await withAgent(input, (client, signal) =>
    client.deploy(spec, { signal, ...how }),
  );
  if (values.flag('json')) return void stdout.write(`${JSON.stringify(deployed)}\n`);
  if (deployed.changed.length > 0) return void stdout.write(updateText(spec.name, deployed, how));
  if (how.dry_run) return void stdout.write(`${spec.name}: nothing would change\n`);
  const took_ms = deployed.ready_at_ms - deployed.requested_at_ms;
  stdout.write(
    `${spec.name}: ${deployed.vm_id} ready after ${formatMs(took_ms)} ` +
      `(${deployed.vmm}, ${deployed.accelerator}, guest kernel ${deployed.guest_kernel})\n`,
  );
}

export const deployCommand: Command = {
  name: 'deploy',
  summary: 'boot the VM of a function, or update one that serves; or keep a DAG of functions',
  positionals: ['[NAME]'],
  options: {
    file: {
      value: 'FILE',
      short: 'f',
      summary: 'a function.yaml, which says all of the function, or a DAG; also -f',
    },
    limit: { value: 'SIZE', summary: 'memory of one instance, e.g. 512MiB; needed without --file' },
    mechanism: {
      value: 'NAME',
      summary: 'how memory comes back to the host',
      choices: MECHANISMS.names,
      default: DEFAULTS.mechanism,
      default_is_told: true,
    },
    concurrency: {
      value: 'N',
      summary: 'most instances in one VM',
      default: DEFAULTS.concurrency,
      default_is_told: true,
    },
    'max-vms': {
      value: 'N',
      summary: 'most VMs at a time',
      default: DEFAULTS['max-vms'],
      default_is_told: true,
    },
    vcpus: {
      value: 'N',
      summary: 'vCPUs of one VM',
      default: DEFAULTS.vcpus,
      default_is_told: true,
    },
    'boot-memory': {
      value: 'SIZE',
      summary: 'ordinary memory of one VM',
      default: DEFAULTS['boot-memory'],
      default_is_told: true,
    },
    'keep-alive': {
      value: 'SEC',
      summary: 'an instance idle for this long is stopped and its region unplugged',
      default: DEFAULTS['keep-alive'],
      default_is_told: true,
    },
    backing: {
      value: 'KIND',
      summary: 'host memory behind the regions',
      choices: BACKINGS,
      default: DEFAULTS.backing,
      default_is_told: true,
    },
    'min-instances': { value: 'N', summary: 'kept also when none is called; without it 0' },
    'max-instances': { value: 'N', summary: 'most of all its VMs; without it no bound' },
    baseline: {
      value: 'SIZE',
      summary: 'memory at a start, which then follows its use up to --limit; e.g. 256MiB',
    },
    increment: { value: 'SIZE', summary: 'one step of growth; without it 64MiB' },
    history: { summary: 'choose both from the peaks of earlier invocations, every 1,000 of them' },
    'grow-wait': { value: 'SEC', summary: 'longest wait of an instance for growth; without it 10' },
    span: {
      value: 'NAME=SIZE[@NODE]',
      summary: 'memory that an instance can open and close, at most so large, on a host NUMA node',
      multiple: true,
    },
    deadline: {
      value: 'SECONDS',
      summary:
        'an invocation is to be over so long after it came: the least time left starts first',
    },
    'reclaim-slo': {
      value: 'PROMISE',
      summary: "how soon memory it gives up is back at the host, like '10ms per 1GiB, p99'",
    },
    'host-node': {
      value: 'N',
      summary: 'NUMA node of the host that memory of its instances comes from (default: any)',
    },
    'far-node': {
      value: 'N',
      summary: 'host NUMA node that a part of the memory of each instance is on; needs --share',
    },
    share: {
      value: 'S',
      summary: "of each instance that is not far, from 0 to 1; 'auto': chosen at each start",
    },
    'share-table': {
      value: 'FILE',
      summary: 'what it is chosen from: latencies by share, or counted accesses',
    },
    'share-input': { value: 'NAME', summary: 'which kind of call of it, where it has several' },
    'far-penalty': { value: 'NS', summary: 'of a far line, stated; with counted accesses alone' },
    pool: { summary: 'keep memory ready for calls that are to come, and let it age' },
    'dry-run': { summary: 'tell what a changed definition would do, and do nothing' },
    'no-update': { summary: 'refuse a changed definition: exit code 5' },
    tenant: { value: 'NAME', summary: 'who it is for: the meter of a ledger tells it' },
    arg: { value: 'WORD', summary: 'program and arguments of an instance', multiple: true },
    'init-on-alloc': { summary: 'the guest kernel zeroes pages when they are allocated' },
    'guest-huge-pages': { summary: 'transparent huge pages for everything in the guest' },
    socket: SOCKET_OPTION,
    json: JSON_OPTION,
  },
  help: `
Returns when the guest said hello; with --mechanism static, when all regions are plugged too. The
same spec again is done at once, and no room on the host is exit code 3 with the numbers. Without
--arg an instance runs the workload program.

Another spec under a name that is deployed updates the function while it serves; --dry-run tells
what that would do. --keep-alive, --max-vms, bounds of instances, --deadline, --reclaim-slo, sizes
of memory that follows its use, and the timeout of a program change in place, and VMs stay.
Anything else takes other VMs: they are launched beside the ones that serve, one at a time, and
each that runs takes the place of one, which ends when what runs in it is over. Where there is no
room for the first, nothing is changed; where three in a row do not come up the old ones serve on
(HP_AGENT_UPDATE_STUCK), until the function is deployed again. Tenant and interface of a program
never change: remove it first.

With --file, the package of the function is built (as by 'function build' and 'function import'),
and an instance runs it; every option here that says how it is is a key of that file then. The
agent must be on this host, with the same cache.

A --file that begins with 'dag: NAME' is a DAG of functions that are deployed: stages, edges and one
deadline, kept until 'remove --dag NAME' (docs/dags.md). Again, it takes the place of the one that
is there.

With --max-vms above 1 another VM is launched when an invocation finds no free region in those that
are there and the host has room for one. All but the first end when they were empty for as long as
--keep-alive.

With any of --baseline, --increment, --history and --grow-wait the memory of an instance follows its
use: it starts with the baseline (256 MiB where nothing is said or known), grows in increments while
it is short of memory, up to --limit, and gives back what it has left free for a while. An instance
that is full waits for more; one that gets none in time is ended, and its invocation fails with the
numbers. Growth waits and shrinking without moving a page need --mechanism hotmem; with virtio-mem
and numa a region grows ahead of need, and shrinking it moves pages. With static it is refused.

With --span an instance can open memory beside its own, by its name, and close it again: it is
plugged when it is opened, and back at the host when it is closed, while the invocation goes on. An
instance has one of each name at a time; one that finds no memory within --grow-wait (10 s) is
refused. Spans need --mechanism hotmem, whose partitions a process can map by name; the others are
refused. docs/spans.md tells how a program asks for one.

With --far-node a part of each instance's memory is on that node of the host: --share of it is where
the rest of the function is, and pages come from both by turns. With '--share auto' each start has
the share with the least near memory of all instances that keeps the SLO of the table, at the rate
of calls as it is then; 'hotplane explain' tells why. It needs --mechanism hotmem or
numa (docs/tiers.md).

  hotplane deploy -f hello/function.yaml
  hotplane deploy train --limit 4GiB --baseline 256MiB --increment 64MiB --mechanism hotmem
  hotplane deploy resize-image --limit 512MiB --concurrency 8 --mechanism virtio-mem
`,
  run,
};
