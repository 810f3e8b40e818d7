/**
 * Reader of the memory series of AgentCgroup (arXiv 2602.09345), `resources.json`: samples about a
 * second apart of what a container uses, as its engine prints it. The data set is GPL-2.0 and no
 * part of this project: it is read where its user has put it. One bad field fails the file.
 */
import { openPlainFile } from '../../base/plain-file.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { badSample, seriesTooLarge, seriesUnreadable } from './errors.ts';
import { TRACE_LIMITS } from './limits.ts';
import type { MemoryPhase, MemorySeries } from './memory-series.ts';

/** `185.7MB / 134.5GB`: used and limit. Engines print powers of ten as MB, of two as MiB. */
const USAGE = /^\s*(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)B\s*(?:\/|$)/;
/** Of a single sample. */
const SAMPLE_MS = 1_000;

/** Reads one file. Throws `HP_TRACE_*`, with the file and the field. */
export async function readAgentCgroup(path: string): Promise<MemorySeries> {
  return parseAgentCgroup(await textOf(path), path);
}

/** The same from its text; `path` is for messages and the name. */
export function parseAgentCgroup(text: string, path: string): MemorySeries {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw badSample(path, 'the file', 'is not JSON', error);
  }
  const samples = memberOf(file, 'samples');
  if (!Array.isArray(samples)) throw badSample(path, 'samples', 'is not a list');
  if (samples.length === 0) throw badSample(path, 'samples', 'is empty');
  return { name: path, ...phasesOf(samples, path) };
}

function phasesOf(samples: readonly unknown[], path: string): Omit<MemorySeries, 'name'> {
  const phases: MemoryPhase[] = [];
  let first_s: number | null = null;
  let last_ms = 0;
  let gap_ms = SAMPLE_MS;
  for (const [index, sample] of samples.entries()) {
    const epoch_s = memberOf(sample, 'epoch');
    if (typeof epoch_s !== 'number' || !(epoch_s >= 0 && epoch_s <= TRACE_LIMITS.seconds)) {
      throw badSample(path, `samples[${index}].epoch`, 'is not a number of seconds since 1970');
    }
    first_s ??= epoch_s;
    const at_ms = Math.round((epoch_s - first_s) * 1000);
    if (at_ms < last_ms) {
      throw badSample(path, `samples[${index}].epoch`, 'is earlier than the sample before it');
    }
    const anonymous_bytes = usedBytes(memberOf(sample, 'mem_usage'));
    if (anonymous_bytes === null) {
      throw badSample(path, `samples[${index}].mem_usage`, 'is not like "185.7MB / 134.5GB"');
    }
    if (at_ms > last_ms) gap_ms = at_ms - last_ms;
    last_ms = at_ms;
    // Of samples within one millisecond the last counts.
    if (phases.at(-1)?.at_ms === at_ms) phases.pop();
    if (phases.at(-1)?.anonymous_bytes !== anonymous_bytes) phases.push({ at_ms, anonymous_bytes });
  }
  return { phases, duration_ms: last_ms + gap_ms };
}

/** Bytes in use of what a container engine prints; null: it is no such text. */
function usedBytes(usage: unknown): number | null {
  const match = typeof usage === 'string' ? USAGE.exec(usage) : null;
  if (!match) return null;
  const [, number = '', unit = '', binary = ''] = match;
  const power = ['', 'k', 'm', 'g', 't'].indexOf(unit.toLowerCase());
  const bytes = Math.round(Number(number) * (binary === 'i' ? 1024 : 1000) ** power);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return new Map(Object.entries(value)).get(name);
}

/** The text of a file that is not too large, without reading more of it than that. */
async function textOf(path: string): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    await using file = await openPlainFile(path);
    for await (const part of file.createReadStream({ end: TRACE_LIMITS.series_bytes })) {
      parts.push(part);
      bytes += part.length;
    }
  } catch (error) {
    if (isHotplaneError(error) && error.code !== 'HP_FILE_NOT_PLAIN') throw error;
    throw seriesUnreadable(path, error);
  }
  if (bytes > TRACE_LIMITS.series_bytes) throw seriesTooLarge(path, TRACE_LIMITS.series_bytes);
  return Buffer.concat(parts).toString('utf8');
}
