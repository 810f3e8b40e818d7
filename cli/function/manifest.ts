/**
 * `function.yaml`: all that is to be said of a function, in the words of people. Every option of
 * `hotplane deploy` is a key of it. docs/function.schema.json is written from here. Pure.
 */
import { HOST_NODE_MAX } from '../../hypervisor-client/host/host-nodes.ts';
import { z } from 'zod';
import { memoryExpressionSchema } from '../../agent/expression/interface.ts';
import { expressionOfBlock } from '../../agent/model/expression-spec.ts';
import { INTERFACES } from '../../agent/model/program.ts';
import { BRIDGE } from '../../agent/model/network-spec.ts';
import { DEFAULT_POOL } from '../../agent/model/pool-spec.ts';
import { SPAN_NAME } from '../../agent/model/span-spec.ts';
import { BACKINGS, type FunctionSpec, TENANT } from '../../agent/model/spec.ts';
import { SHARE_LIMITS, type ShareTable } from '../../agent/model/tiers-spec.ts';
import { MECHANISMS, STOCK } from '../../agent/model/mechanism.ts';
import { AGENT_LIMITS } from '../../agent/limits.ts';
import { LIMITS } from '../../base/limits.ts';
import { DEVICE_BLOCK_BYTES, MIB, parseBytes, sizeWanted } from '../../base/units.ts';
import { parsePromise, PROMISE, PROMISE_WANTED } from './promise.ts';
import { tiersKeys, tiersOfKeys } from './tiers.ts';
import { type RuntimeName, RUNTIME_NAMES, RUNTIMES } from '../../images/runtimes/recipes.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const SIZE = /^\d+(\.\d+)?\s*([kmgtKMGT])?([iI]?[bB])?$/;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;

const SIZE_WANTED = 'must be a size like 256MiB';
const DURATION_WANTED = 'must be a duration like 60s or 500ms';

export const size = z
  .union([z.string().regex(SIZE, SIZE_WANTED), z.number().int().positive()], {
    error: SIZE_WANTED,
  })
  .transform((given, context) => {
    const text = String(given);
    const bytes = parseBytes(text);
    if (bytes !== null && bytes > 0) return bytes;
    context.addIssue(`must be ${sizeWanted(text)}`);
    return z.NEVER;
  });

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A number is seconds, as with the options of `deploy`. */
export const durationOf = (lowest_ms: number, highest_ms: number) =>
  z
    .union([z.string().regex(DURATION, DURATION_WANTED), z.number().nonnegative()], {
      error: DURATION_WANTED,
    })
    .transform((given, context) => {
      const [, number = `${given}`, unit = 's'] = DURATION.exec(String(given)) ?? [];
      const ms = Number(number) * (MS[unit] ?? Number.NaN);
      if (ms >= lowest_ms && ms <= highest_ms) return ms;
      context.addIssue(`must be ${lowest_ms / 1_000} to ${highest_ms / 1_000} seconds`);
      return z.NEVER;
    });

const reclaimSlo = z
  .string()
  .regex(PROMISE, PROMISE_WANTED)
  .transform((given, context) => {
    const promise = parsePromise(given);
    if (promise) return promise;
    context.addIssue(`${PROMISE_WANTED}, with a percentile of 50 to 100`);
    return z.NEVER;
  });

const INSTANCES_MAX = LIMITS.regions_per_vm * LIMITS.vms_per_host;

const whole = (highest: number) => z.number().int().min(1).max(highest);
/** C ends a string at a NUL. */
const NO_NUL = /^[^\0]*$/;
const text = z.string().min(1).max(4_096).regex(NO_NUL, 'must not hold a NUL');

/** `memory` as a mapping; a plain size is its `max`. */
export const memoryMappingSchema = z.strictObject({
  max: size.describe('hard ceiling of one instance: its region'),
  baseline: size.optional().describe('memory at a start; default: 256 MiB, or as history says'),
  increment: size.optional().describe('one step of growth; default: 64 MiB'),
  history: z.boolean().default(false).describe('choose both from peaks of earlier invocations'),
  grow_wait: durationOf(1, LIMITS.grow_wait_ms_max)
    .optional()
    .describe('longest wait of an instance for growth; default: 10 s'),
  expression: memoryExpressionSchema
    .optional()
    .describe('what a call takes, by its payload: first of what a size is chosen from'),
});

// A union would tell that neither fits, and not what is wrong in the one that was meant.
const memorySchema = z.preprocess(
  (given) => (['string', 'number'].includes(typeof given) ? { max: given } : given),
  memoryMappingSchema,
);

const pool = z.strictObject({
  bucket: durationOf(1_000, 86_400_000)
    .default(DEFAULT_POOL.bucket_ms)
    .describe('time is cut into buckets of so much, and ages are counted in them'),
  active: whole(1_000)
    .default(DEFAULT_POOL.active_buckets)
    .describe('the newest ones: as many instances as calls want are kept idle'),
  degraded: z
    .number()
    .int()
    .min(0)
    .max(1_000)
    .default(DEFAULT_POOL.degraded_buckets)
    .describe('those after them: as many regions are kept plugged'),
  percentile: z
    .number()
    .min(50)
    .max(99.99)
    .default(DEFAULT_POOL.percentile)
    .describe('of the calls, that are to find an idle instance'),
  worth: z
    .number()
    .positive()
    .max(86_400_000)
    .nullable()
    .default(DEFAULT_POOL.worth_gib_s)
    .describe('GiB s of idle memory that one cold plug is worth; null: the percentile decides'),
});

const hostNode = z.number().int().min(0).max(HOST_NODE_MAX);
const spanSize = size.refine((bytes) => bytes >= DEVICE_BLOCK_BYTES, 'must be at least 2MiB');

const spanMapping = z.strictObject({
  max: spanSize.describe('the most it can be'),
  host_node: hostNode
    .optional()
    .describe('NUMA node of the host that it lies on; default: that of the function'),
});

/** A size, or a mapping: what is told is what is wrong in the one that was meant. */
const spans = z
  .record(
    z.string().regex(SPAN_NAME),
    z.union([spanSize, spanMapping], {
      error: (issue) => {
        if (issue.code !== 'invalid_union') return undefined;
        const meant = issue.errors[typeof issue.input === 'object' ? 1 : 0]?.[0];
        return meant ? [...meant.path.map(String), meant.message].join(': ') : undefined;
      },
    }),
    {
      error: ({ code }) =>
        code === 'invalid_key' ? 'its name must be like [a-z0-9][a-z0-9_-]{0,62}' : undefined,
    },
  )
  .refine((all) => Object.keys(all).length <= AGENT_LIMITS.spans, {
    error: `must be at most ${AGENT_LIMITS.spans}`,
  });

export const functionFileSchema = z
  .strictObject({
    name: z.string().regex(NAME, 'must be like [a-z0-9][a-z0-9-]{0,62}'),
    package: text
      .default('.')
      .describe(
        'a folder beside this file (begins with . or /), an image (oci-archive:FILE, ' +
          'docker-archive:FILE, oci:DIR), or the name of what was built or imported before',
      ),
    runtime: z.enum(RUNTIME_NAMES).optional().describe('base runtime below the package'),
    interface: z
      .enum(INTERFACES)
      .default('lambda')
      .describe('how the program is told of an invocation, and answers'),
    handler: text
      .optional()
      .describe('MODULE.FUNCTION, of runtimes python3, python3-numpy and node'),
    command: z
      .array(text)
      .min(1)
      .max(60)
      .optional()
      .describe("program and arguments; default: the runtime's for the handler, or the image's"),
    environment: z
      .record(
        z.string().regex(/^[^=\0]+$/, 'must be a name without ='),
        z.union([
          z.string().max(4_000).regex(NO_NUL, 'must not hold a NUL'),
          z.number(),
          z.boolean(),
        ]),
      )
      .default({})
      .describe('variables beside those of the image'),
    working_folder: text.regex(/^\//, 'must be an absolute path').optional(),
    user: z
      .union([z.number().int().min(0).max(999_999_999), z.string().regex(/^\d{1,9}(:\d{1,9})?$/)])
      .optional()
      .describe('UID or UID:GID; default: one of its own for each instance'),
    memory: memorySchema.describe('of one instance: a size, or how it follows its use'),
    concurrency: whole(LIMITS.regions_per_vm).default(8).describe('most instances in one VM'),
    instances: z
      .strictObject({
        min: z
          .number()
          .int()
          .min(0)
          .max(INSTANCES_MAX)
          .default(0)
          .describe('kept when none is called'),
        max: whole(INSTANCES_MAX).optional().describe('most of all its VMs; default: no bound'),
      })
      .refine(({ min, max }) => max === undefined || min <= max, {
        path: ['min'],
        error: 'is above max',
      })
      .optional()
      .describe('how many there are at least and at most'),
    max_vms: whole(LIMITS.vms_per_host).default(1).describe('most VMs at a time'),
    vcpus: whole(LIMITS.vcpus_per_vm).default(1).describe('of one VM'),
    boot_memory: size.default(512 * MIB).describe('ordinary memory of one VM'),
    keep_alive: durationOf(0, 1e9)
      .default(60_000)
      .describe('an instance idle for this long is stopped and its region unplugged'),
    tenant: z
      .string()
      .regex(TENANT, 'must be like [A-Za-z0-9][A-Za-z0-9._-]{0,62}')
      .optional()
      .describe('who it is for, as the meter of a ledger tells it'),
    timeout: durationOf(1, LIMITS.invocation_ms)
      .optional()
      .describe('longest that one invocation may take'),
    deadline: durationOf(1, LIMITS.invocation_ms)
      .optional()
      .describe(
        'when an invocation is to be over, from when it came: who has the least time left starts first',
      ),
    reclaim_slo: reclaimSlo
      .optional()
      .describe(
        "how soon memory it gives up is to be back at the host: '10ms per 1GiB, p99'; " +
          'predicted before, kept or explained after',
      ),
    pool: pool
      .optional()
      .describe('memory that is ready before it is asked for, and how it ages; {}: by default'),
    spans: spans
      .default({})
      .describe(
        'memory that an instance opens and closes while it runs: NAME: SIZE, the most it can be, ' +
          'or NAME: { max: SIZE, host_node: N }',
      ),
    host_node: hostNode
      .optional()
      .describe(
        'NUMA node of the host that memory of its instances comes from, and no other; the agent ' +
          'must have a limit for it (node_limits); default: any',
      ),
    tiers: tiersKeys(durationOf(1, SHARE_LIMITS.latency_ms))
      .optional()
      .describe(
        'a part of the memory of each instance is on another node; mechanism hotmem or numa',
      ),
    tmp: size
      .refine((bytes) => bytes >= MIB, 'must be at least 1MiB')
      .optional()
      .describe('most that /tmp of an instance holds; default: 64 MiB'),
    network: z
      .strictObject({
        bridge: z
          .string()
          .regex(BRIDGE, 'must be the name of a bridge')
          .describe("one of 'bridges' in the configuration of the agent"),
      })
      .optional()
      .describe('each instance an address of its own on a bridge; default: only loopback'),
    mechanism: z
      .enum(MECHANISMS.names)
      .default(STOCK)
      .describe('how memory comes back to the host'),
    backing: z.enum(BACKINGS).default('anonymous').describe('host memory behind the regions'),
    init_on_alloc: z
      .boolean()
      .default(false)
      .describe('the guest kernel zeroes pages when they are allocated'),
    guest_huge_pages: z
      .boolean()
      .default(false)
      .describe('transparent huge pages for everything in the guest'),
  })
  .refine(({ handler, command }) => handler === undefined || command === undefined, {
    path: ['handler'],
    error: 'is given beside command, which already says what runs',
  })
  .refine(({ handler, runtime }) => handler === undefined || hasHandlers(runtime), {
    path: ['handler'],
    error: 'needs runtime python3, python3-numpy or node',
  });
export type FunctionManifest = z.output<typeof functionFileSchema>;

export const hasHandlers = (runtime: RuntimeName | undefined): boolean =>
  runtime !== undefined && RUNTIMES[runtime].handler.length > 0;

/**
 * The spec of a manifest, with the program that its package became, and the table that shares are
 * chosen from. Pure.
 */
export function specOfManifest(
  manifest: FunctionManifest,
  program: FunctionSpec['program'],
  table: ShareTable | null = null,
): FunctionSpec {
  const { memory } = manifest;
  const follows_use =
    memory.history ||
    memory.expression !== undefined ||
    [memory.baseline, memory.increment, memory.grow_wait].some((one) => one !== undefined);
  return {
    name: manifest.name,
    mechanism: manifest.mechanism,
    limit_bytes: memory.max,
    concurrency: manifest.concurrency,
    vcpus: manifest.vcpus,
    boot_bytes: manifest.boot_memory,
    keep_alive_ms: manifest.keep_alive,
    argv: [],
    backing: manifest.backing,
    init_on_alloc: manifest.init_on_alloc,
    guest_huge_pages: manifest.guest_huge_pages,
    max_vms: manifest.max_vms,
    instances: manifest.instances
      ? { min: manifest.instances.min, max: manifest.instances.max ?? null }
      : null,
    memory: follows_use
      ? {
          baseline_bytes: memory.baseline ?? null,
          increment_bytes: memory.increment ?? null,
          history: memory.history,
          grow_wait_ms: memory.grow_wait ?? null,
          expression: memory.expression ? expressionOfBlock(memory.expression) : null,
        }
      : null,
    network: manifest.network ?? null,
    tenant: manifest.tenant ?? null,
    deadline_ms: manifest.deadline ?? null,
    reclaim_slo: manifest.reclaim_slo ?? null,
    pool: manifest.pool
      ? {
          bucket_ms: manifest.pool.bucket,
          active_buckets: manifest.pool.active,
          degraded_buckets: manifest.pool.degraded,
          percentile: manifest.pool.percentile,
          worth_gib_s: manifest.pool.worth,
        }
      : null,
    host_node: manifest.host_node ?? null,
    tiers: tiersOfKeys(manifest.tiers, table),
    spans: Object.entries(manifest.spans).map(([name, given]) =>
      typeof given === 'number'
        ? { name, max_bytes: given, host_node: null }
        : { name, max_bytes: given.max, host_node: given.host_node ?? null },
    ),
    program,
  };
}
