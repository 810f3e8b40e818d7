/** What the instances of a workload call with: read once, before anything is sent. Edge. */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { type Call, emulated, JSON_TYPE, workOf } from '../../agent/model/work.ts';
import { messageOf } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import { LIMITS } from '../../base/limits.ts';
import { openPlainFile } from '../../base/plain-file.ts';
import { MIB } from '../../base/units.ts';
import { badWorkload } from './errors.ts';
import type { Workload, WorkloadInstance } from './workload.ts';

export interface InstanceCall {
  readonly call: Call;
  readonly payload_bytes: number;
  readonly payload_sha256: string;
  /** The built-in function stands in for the application, and does work of its own. */
  readonly stands_in: boolean;
}

/** Of each instance, by its name; files lie beside the workload. Throws HP_PROFILE_WORKLOAD. */
export async function readPayloads(
  workload: Workload,
  path: string,
): Promise<ReadonlyMap<string, Call>> {
  const calls = new Map<string, Call>();
  for (const instance of workload.instances) {
    calls.set(instance.name, await readCall(instance, path));
  }
  return calls;
}

async function readCall({ name, payload }: WorkloadInstance, path: string): Promise<Call> {
  const { kind } = payload;
  if (kind === 'none' || kind === 'json') {
    const bytes = Buffer.from(JSON.stringify(kind === 'none' ? {} : payload.value));
    return checked(bytes, JSON_TYPE, path, `instances.${name}.data`);
  }
  const key = `instances.${name}.${kind === 'file' ? 'data_file' : 'param_file'}`;
  let bytes: Buffer;
  try {
    await using file = await openPlainFile(resolve(dirname(path), payload.path));
    bytes = await file.readFile();
  } catch (error) {
    throw badWorkload(path, key, `${payload.path} cannot be read (${messageOf(error)})`);
  }
  const is_json = kind === 'json-file' || payload.path.endsWith('.json');
  if (kind === 'json-file' && parseJson(bytes.toString('utf8')) === undefined) {
    throw badWorkload(path, key, `${payload.path} is not JSON`);
  }
  return checked(bytes, is_json ? JSON_TYPE : 'application/octet-stream', path, key);
}

function checked(payload: Buffer, content_type: string, path: string, key: string): Call {
  const most = LIMITS.payload_bytes;
  if (payload.length > most) throw badWorkload(path, key, `is longer than ${most / MIB} MiB`);
  return { payload, content_type, timeout_ms: null, http: null };
}

/**
 * What is sent to a function. The built-in one takes a payload that says what to do; what says
 * nothing to it is stood in for by touching half of its memory and 10 ms of CPU time. Pure.
 */
export function callFor(
  call: Call,
  fn: { readonly is_built_in: boolean; readonly limit_bytes: number },
): InstanceCall {
  const work = fn.is_built_in ? workOf({ bytes: call.payload }) : null;
  const stands_in = fn.is_built_in && work === null;
  const sent = stands_in ? standIn(fn.limit_bytes) : work ? emulated(work) : call;
  const payload_sha256 = createHash('sha256').update(sent.payload).digest('hex');
  return { call: sent, payload_bytes: sent.payload.length, payload_sha256, stands_in };
}

const STAND_IN_CPU_MS = 10;

const standIn = (limit_bytes: number): Call =>
  emulated({
    anonymous_bytes: Math.floor(limit_bytes / 2),
    file_bytes: 0,
    cpu_ms: STAND_IN_CPU_MS,
    wall_ms: STAND_IN_CPU_MS,
  });
