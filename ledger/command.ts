/** `hotplane ledger ...`, without the command lines around it. */
import { readFileSync } from 'node:fs';
import { isObject, jsonDocument, parseJson } from '../base/json.ts';
import { callsCsv, callsOf, type LedgerCalls } from './calls.ts';
import { ledgerError } from './errors.ts';
import { type Entry, LedgerGraph } from './graph.ts';
import { holdingsAt } from './holdings.ts';
import { LEDGER_LIMITS } from './limits.ts';
import { lineageOf } from './lineage.ts';
import { meter } from './meter.ts';
import { type MeterFormat, meterCsv, meterJsonLines, meterTable } from './meter-text.ts';
import { type PolicyOutcome, policyCosts, policyCostsText } from './policy-costs.ts';
import { costOf, readPrices, sumOfWhatIf, whatIf } from './prices.ts';
import { provJson } from './prov.ts';
import { unreadable } from './segments.ts';
import { type Story, storyOf } from './story.ts';
import { storyText } from './story-text.ts';
import { denialsText, isoTime, lineageText, verifiedText, whoText, whyText } from './text.ts';
import { type KeptHead, verify, type Verified } from './verify.ts';
import { denialsOf, whyOf, type Explanation } from './why.ts';

export interface LedgerInput {
  readonly folders: readonly string[];
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
}

/**
 * Heads that were kept: `SEQ:HASH`, or the path of a file with such lines, or with those of an
 * agent. Throws HP_LEDGER_HEAD, HP_LEDGER_UNREADABLE.
 */
export function readHeads(given: readonly string[]): KeptHead[] {
  return given.flatMap((text) => headOf(text) ?? headsIn(text));
}

function headsIn(path: string): KeptHead[] {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) {
    throw ledgerError('HP_LEDGER_HEAD', `${path} has no head in it.`, { details: { path } });
  }
  return lines.map((line) => {
    const found = headOf(line.trim()) ?? writtenHead(line);
    if (found) return found;
    const message = `${path}: "${line.slice(0, 80)}" is no head.`;
    throw ledgerError('HP_LEDGER_HEAD', message, { details: { path } });
  });
}

function headOf(text: string): KeptHead | null {
  const [, seq, hash] = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? [];
  return hash === undefined ? null : { seq: Number(seq), hash };
}

function writtenHead(line: string): KeptHead | null {
  const value = parseJson(line);
  if (!isObject(value)) return null;
  const { seq, hash, ledger } = value;
  if (typeof seq !== 'number' || typeof hash !== 'string') return null;
  return { seq, hash, ...(typeof ledger === 'string' ? { ledger } : {}) };
}

/** Throws HP_LEDGER_BROKEN or HP_LEDGER_TORN for the first ledger that is not as it was written. */
export function runVerify(
  { folders, json, stdout }: LedgerInput,
  heads: readonly KeptHead[],
): void {
  const all = folders.map((folder) => verify(folder, heads));
  stdout.write(json ? jsonDocument({ ledgers: all }) : verifiedText(all));
  const bad = all.find((one) => one.bad !== null);
  if (bad) throw brokenError(bad);
}

function brokenError({ folder, bad }: Verified): Error {
  const { code = 'HP_LEDGER_BROKEN', seq = 0, problem = '' } = bad ?? {};
  const details = { folder, seq, path: bad?.path, offset: bad?.offset };
  return ledgerError(code, `${folder}, record ${seq}: ${problem}.`, { details });
}

export function runLineage({ folders, json, stdout }: LedgerInput, region: string): void {
  const tenures = lineageOf(LedgerGraph.read(folders), region);
  stdout.write(json ? jsonDocument({ tenures }) : lineageText(tenures));
}

/** `at`: a time, or milliseconds of the monotonic clock; absent: the end of the ledgers. */
export function runWho({ folders, json, stdout }: LedgerInput, at: string | undefined): void {
  const graph = LedgerGraph.read(folders);
  const wall_ms = wallOf(graph, at);
  const holdings = holdingsAt(graph, wall_ms);
  stdout.write(json ? jsonDocument({ wall_ms, holdings }) : whoText(holdings, wall_ms));
}

function wallOf(graph: LedgerGraph, at: string | undefined): number {
  const [first, last] = [graph.entries[0], graph.entries.at(-1)];
  if (!first || !last) return 0;
  if (at === undefined) return last.wall_ms;
  const monotonic = /^\d+(\.\d+)?$/.test(at) ? Number(at) : null;
  const offset_ms = last.wall_ms - last.record.at_ms;
  const wall_ms = monotonic === null ? Date.parse(at) : monotonic + offset_ms;
  if (Number.isFinite(wall_ms) && wall_ms >= first.wall_ms) return wall_ms;
  const message = `'${at}' is no time at or after the first record of the ledgers.`;
  throw ledgerError('HP_LEDGER_TIME', message, { details: { at } });
}

export function runWhy({ folders, json, stdout }: LedgerInput, name: string): void {
  const graph = LedgerGraph.read(folders);
  const found = whyOf(graph, name);
  stdout.write(json ? jsonDocument(explanationJson(found)) : whyText(graph, found));
}

/** Why an instance had the memory it had, or what led to whatever else is named. */
export function runExplain({ folders, json, stdout }: LedgerInput, name: string): void {
  const graph = LedgerGraph.read(folders);
  const story = storyOf(graph, name);
  const why = whyOf(graph, name);
  if (json)
    return void stdout.write(jsonDocument({ ...storyJson(story), why: explanationJson(why) }));
  stdout.write(story ? `${storyText(graph, story)}\n${whyText(graph, why)}` : whyText(graph, why));
}

/**
 * What the newest part of a ledger says of an instance. Null: nothing, or the folder has another
 * ledger than `ledger`.
 */
export function newestStory(
  folder: string,
  ledger: string,
  name: string,
): { readonly json: object; readonly text: string } | null {
  const graph = LedgerGraph.ofLate(folder, LEDGER_LIMITS.late_bytes);
  if (graph.sources[0]?.ledger !== ledger) return null;
  const story = storyOf(graph, name);
  return story && { json: storyJson(story), text: storyText(graph, story) };
}

function storyJson(story: Story | null): { instance: object | null } {
  if (!story) return { instance: null };
  const { end, ...rest } = story;
  const how = end && { ...explanationJson(end.why), answers: end.answers };
  return { instance: { ...rest, end: how } };
}

export function runDenials({ folders, json, stdout }: LedgerInput): void {
  const graph = LedgerGraph.read(folders);
  const found = denialsOf(graph);
  const denials = found.map(({ target, because, asked }) => ({
    denied: entryJson(target),
    because: entryJson(because),
    asked: entryJson(asked),
  }));
  stdout.write(json ? jsonDocument({ denials }) : denialsText(graph, found));
}

export function runExport({ folders, stdout }: LedgerInput): void {
  stdout.write(jsonDocument(provJson(LedgerGraph.read(folders))));
}

/** The calls, as a trace that a simulator reads. */
export function runExportTrace({ folders, stdout }: LedgerInput): void {
  const graph = LedgerGraph.read(folders);
  const { entries } = graph;
  const span = { from_ms: entries[0]?.wall_ms ?? 0, to_ms: entries.at(-1)?.wall_ms ?? 0 };
  stdout.write(callsCsv(callsOf(graph, span)));
}

function entryJson(entry: Entry | null): object | null {
  return entry && { host: entry.source.host, wall_ms: entry.wall_ms, ...entry.record };
}

function explanationJson({ name, target, because, asked, steps }: Explanation): object {
  return {
    name,
    target: entryJson(target),
    because: entryJson(because),
    asked: entryJson(asked),
    steps: steps.map(({ entry, depth }) => ({ depth, ...entryJson(entry) })),
  };
}

export interface MeterInput extends LedgerInput {
  readonly format: MeterFormat;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Path of a price file. */
  readonly prices: string | undefined;
  /** Plays the calls under other policies; null: nobody asked for that. */
  readonly play: ((calls: LedgerCalls) => PolicyOutcome[]) | null;
}

/** Throws HP_LEDGER_TIME, HP_LEDGER_PRICES. */
export function runMeter(input: MeterInput): void {
  const { folders, json, stdout, format } = input;
  const graph = LedgerGraph.read(folders);
  const prices = input.prices === undefined ? null : readPrices(input.prices);
  const { span, rows, total } = meter(graph, {
    ...(input.from === undefined ? {} : { from_ms: wallOf(graph, input.from) }),
    ...(input.to === undefined ? {} : { to_ms: wallOf(graph, input.to) }),
  });
  if (span.from_ms > span.to_ms) {
    const message = `the time ends at ${isoTime(span.to_ms)}, before it begins.`;
    throw ledgerError('HP_LEDGER_TIME', message, { details: { ...span } });
  }
  const what_if = whatIf(graph, rows, span);
  const calls = input.play && callsOf(graph, span);
  const played = calls && policyCosts(rows, what_if, input.play?.(calls) ?? [], prices);
  if (json) {
    const costs = prices ? rows.map((row) => costOf(row, prices)) : null;
    const policies = calls && { times: calls.times, denied: calls.denied, costs: played };
    return void stdout.write(jsonDocument({ span, rows, total, what_if, costs, prices, policies }));
  }
  if (format === 'csv') stdout.write(meterCsv(rows, { ...span, prices }));
  else if (format === 'jsonl') stdout.write(meterJsonLines(rows, { ...span, prices }));
  else stdout.write(meterTable([...rows, total], [...what_if, sumOfWhatIf(what_if)], prices));
  if (played) stdout.write(policyCostsText(played, prices, calls.denied));
}
