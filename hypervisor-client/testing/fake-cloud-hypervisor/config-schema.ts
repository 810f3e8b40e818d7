/**
 * What `vm.create` takes, as the structures of the server (vmm/src/vm_config.rs) and its OpenAPI
 * document say: the fields that matter to a guest's memory, CPUs, console and vsock by type, the
 * rest as it comes. Fields it does not know are ignored there, and so they are here.
 */
import { z } from 'zod';
import { withoutNulls } from '../../rest/json.ts';
import type { VmConfig } from '../../cloud-hypervisor/types/index.ts';
import { ApiError } from './errors.ts';
import { parseStrict, repeatedNames } from './strict-json.ts';

const u32 = z.number().int().min(0).max(0xffff_ffff);
/** Larger ones than 2^53 cannot be told apart here. */
const u64 = z.number().int().min(0);
const maybe = <T extends z.ZodType>(schema: T) => schema.nullish();
const text = z.string();
const flag = z.boolean();

const zoneSchema = z.looseObject({
  id: text,
  size: u64,
  file: maybe(text),
  mergeable: flag.optional(),
  shared: flag.optional(),
  hugepages: flag.optional(),
  hugepage_size: maybe(u64),
  host_numa_node: maybe(u32),
  hotplug_size: maybe(u64),
  hotplugged_size: maybe(u64),
  prefault: flag.optional(),
  reserve: flag.optional(),
});

const memorySchema = z.looseObject({
  size: u64,
  hotplug_method: z.enum(['Acpi', 'VirtioMem']).optional(),
  hotplug_size: maybe(u64),
  hotplugged_size: maybe(u64),
  mergeable: flag.optional(),
  shared: flag.optional(),
  hugepages: flag.optional(),
  hugepage_size: maybe(u64),
  prefault: flag.optional(),
  reserve: flag.optional(),
  thp: flag.optional(),
  zones: maybe(z.array(zoneSchema)),
});

const payloadSchema = z.looseObject({
  firmware: maybe(text),
  kernel: maybe(text),
  cmdline: maybe(text),
  initramfs: maybe(text),
});

const consoleSchema = z.looseObject({
  mode: z.enum(['Off', 'Pty', 'Tty', 'File', 'Socket', 'Null']),
  file: maybe(text),
  socket: maybe(text),
});

const configSchema = z.looseObject({
  payload: maybe(payloadSchema),
  cpus: z.looseObject({ boot_vcpus: u32, max_vcpus: u32 }).optional(),
  memory: memorySchema.optional(),
  disks: maybe(
    z.array(z.looseObject({ path: maybe(text), serial: maybe(text), readonly: flag.optional() })),
  ),
  net: maybe(z.array(z.looseObject({ tap: maybe(text), mac: maybe(text), mtu: maybe(u32) }))),
  serial: consoleSchema.optional(),
  console: consoleSchema.optional(),
  vsock: maybe(z.looseObject({ cid: u32, socket: text })),
  numa: maybe(
    z.array(
      z.looseObject({
        guest_numa_id: u32,
        cpus: maybe(z.array(u32)),
        memory_zones: maybe(z.array(text)),
      }),
    ),
  ),
  pvpanic: flag.optional(),
  landlock_enable: flag.optional(),
});

const resizeZoneSchema = z.looseObject({ id: text, desired_ram: u64 });
const resizeSchema = z.looseObject({
  desired_vcpus: maybe(u32),
  desired_ram: maybe(u64),
  desired_balloon: maybe(u64),
});

/** Fields that the server knows, wherever they are; others may come twice. */
const FIELDS: ReadonlySet<string> = new Set(
  [
    zoneSchema,
    memorySchema,
    payloadSchema,
    consoleSchema,
    configSchema,
    resizeZoneSchema,
    resizeSchema,
  ]
    .flatMap((schema) => Object.keys(schema.shape))
    .concat(['boot_vcpus', 'max_vcpus', 'cid', 'guest_numa_id', 'cpus', 'memory_zones']),
);

/** Throws the server's 400 for a body it would not take. */
export function readConfig(body: string): VmConfig {
  const config = withoutNulls(read(configSchema, body));
  if (isConfig(config)) return config;
  throw notTaken('null where it may not be');
}

export function readResizeZone(body: string): z.infer<typeof resizeZoneSchema> {
  return read(resizeZoneSchema, body);
}

export function readResize(body: string): z.infer<typeof resizeSchema> {
  return read(resizeSchema, body);
}

/** Any object. */
export function readObject(body: string): Record<string, unknown> {
  return read(z.looseObject({}), body);
}

function read<T>(schema: z.ZodType<T>, body: string): T {
  if (body === '') throw new ApiError(400, []);
  let value: unknown;
  try {
    value = parseStrict(body);
  } catch (cause) {
    throw notTaken(String(cause));
  }
  const twice = repeatedNames(body).find((name) => FIELDS.has(name));
  if (twice !== undefined) throw notTaken(`duplicate field \`${twice}\``);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw notTaken(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

/** A payload may be missing: the boot says so. */
function isConfig(value: unknown): value is VmConfig {
  return configSchema.safeParse(value).success;
}

const notTaken = (reason: string): ApiError =>
  new ApiError(400, ['Failed to deserialize JSON', reason]);
