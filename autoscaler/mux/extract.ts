/**
 * The memory interface of a function from its source: read into the small tree, followed once as a
 * cold call and once as a warm one, its sizes told in parameters of the payload. Every term has the
 * line it comes from; what could not be followed is told, and lowers the class. Pure.
 */
import { isHotplaneError } from '../../base/errors.ts';
import { callFunction } from './calls.ts';
import { muxError } from './errors.ts';
import { type Machine, type SourcePlace, type Remark, type SymbolMeaning } from './machine.ts';
import type { CostModel, CostModelName } from './models.ts';
import {
  add,
  multiply,
  NOTHING,
  type Polynomial,
  symbolsOf,
} from '../../agent/expression/polynomial.ts';
import { execute } from './statements.ts';
import type { Module } from './tree.ts';
import { type Certainty, object, type Site, type Value, worst } from './values.ts';

export interface InterfaceSizes {
  readonly consumed: Polynomial;
  readonly freed: Polynomial;
  readonly peak: Polynomial;
}

/** A part of the sizes, and where it comes from. */
export interface Term extends SourcePlace {
  readonly what: string;
  readonly bytes: Polynomial;
  /** Dead when the call is over. */
  readonly is_freed: boolean;
  readonly source: string;
}

export interface SymbolUse {
  readonly name: string;
  readonly meaning: SymbolMeaning;
}

export interface Extraction {
  readonly entry: string;
  readonly entry_line: number;
  readonly certainty: Certainty;
  readonly model: CostModelName;
  readonly cold: InterfaceSizes;
  /** null: as the cold one. */
  readonly warm: InterfaceSizes | null;
  readonly terms: readonly Term[];
  readonly symbols: readonly SymbolUse[];
  /** By line. */
  readonly remarks: readonly Remark[];
}

/** Names that platforms call, in the order they are looked for; the first argument is a payload. */
const HANDLERS = ['handler', 'lambda_handler', 'main', 'default'];

export function isHandlerName(name: string): boolean {
  return HANDLERS.includes(name);
}

/**
 * Follows the function of a module that a platform would call, or `entry`. Throws HP_MUX_ENTRY
 * where there is none.
 */
export function extractInterface(
  module: Module,
  machine: Machine,
  model: CostModelName,
  entry: string | null,
): Extraction {
  for (const line of module.broken_lines.slice(0, 8)) {
    machine.remark(line, 'the line cannot be read', 'refused');
  }
  const stopped = untilTooLarge(machine, () => void execute(machine, module.body));
  const [name, found] = entryOf(machine, entry);
  const args = argumentsFor(name, found);
  const calls = stopped ? [] : [followCall(machine, found, args), followCall(machine, found, args)];
  const [cold = NO_CALL, warm = NO_CALL] = calls;
  for (const one of machine.given.keys()) {
    if (machine.asked.has(one)) continue;
    machine.remark(found.definition.line, `${one} was given, and nothing depends on it`, 'exact');
  }
  const is_same = sameTotals(cold.totals, warm.totals);
  const symbols = symbolsUsed(machine, [cold.totals, warm.totals]);
  const remarks = [...machine.remarks.values(), ...symbols.flatMap(symbolRemark)];
  return {
    entry: name,
    entry_line: found.definition.line,
    certainty: worst(remarks.map(({ certainty }) => certainty)),
    model,
    cold: cold.totals,
    warm: is_same ? null : warm.totals,
    terms: cold.terms,
    symbols,
    remarks: remarks.toSorted(byPlace),
  };
}

/** The file that is read comes first. */
function byPlace(a: SourcePlace, b: SourcePlace): number {
  const files = (a.file ?? '').localeCompare(b.file ?? '');
  return files === 0 ? a.line - b.line : files;
}

interface FollowedCall {
  readonly totals: InterfaceSizes;
  readonly terms: readonly Term[];
}

const NO_CALL: FollowedCall = {
  totals: { consumed: NOTHING, freed: NOTHING, peak: NOTHING },
  terms: [],
};

type Entry = Extract<Value, { kind: 'function' }>;

function followCall(machine: Machine, entry: Entry, args: readonly Value[]): FollowedCall {
  const { heap } = machine;
  heap.startCall();
  let totals = NO_CALL.totals;
  let terms: readonly Term[] = [];
  untilTooLarge(machine, () => {
    const result = callFunction(machine, entry, {
      args,
      named: new Map(),
      line: entry.definition.line,
    });
    machine.settle(result);
    const sites = heap.sites.filter(({ is_repeat }) => !is_repeat);
    const freed = sumOf(sites.filter(({ is_live }) => !is_live));
    totals = { consumed: sumOf(sites), freed, peak: heap.peak };
    terms = sites.map(termOf);
  });
  return { totals, terms };
}

function sumOf(sites: readonly Site[]): Polynomial {
  return sites.map(({ bytes, times }) => multiply(bytes, times)).reduce(add, NOTHING);
}

function termOf({ line, file, what, source, bytes, times, is_live }: Site): Term {
  return { line, file, what, source, bytes: multiply(bytes, times), is_freed: !is_live };
}

/** True when the program is more than is followed: that is told, and the class is `refused`. */
function untilTooLarge(machine: Machine, run: () => void): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (!isHotplaneError(error) || !/^HP_MUX_(TOO_LARGE|OVERFLOW)$/.test(error.code)) throw error;
    machine.remark(Number(error.details['line'] ?? 1), error.message, 'refused');
    machine.held.length = 0;
    machine.scopes.length = 0;
    machine.running.length = 0;
    machine.heap.rounds.length = 0;
    return true;
  }
}

function entryOf(machine: Machine, wanted: string | null): readonly [name: string, entry: Entry] {
  const { names } = machine.globals;
  const functions = [...names].filter(([, { kind }]) => kind === 'function');
  const candidates = wanted === null ? [...HANDLERS, functions.at(-1)?.[0] ?? ''] : [wanted];
  for (const name of candidates) {
    const found = names.get(name);
    if (found?.kind === 'function') return [name, found];
  }
  const there = functions.map(([name]) => name).slice(0, 8);
  const told = there.length === 0 ? 'The file has no function' : `The file has ${there.join(', ')}`;
  throw muxError('HP_MUX_ENTRY', `${told}${wanted === null ? '' : `, and no ${wanted}`}.`);
}

/** A handler is given the payload; any other function its parameters by their names. */
function argumentsFor(name: string, { definition }: Entry): Value[] {
  const is_handler = HANDLERS.includes(name);
  return definition.parameters.map((one, index) => {
    if (is_handler && index > 0) return object('small', null);
    const path = is_handler ? '' : `/${one.name}`;
    return { kind: 'payload', path, site: null, holds: [] };
  });
}

function sameTotals(a: InterfaceSizes, b: InterfaceSizes): boolean {
  const texts = ({ consumed, freed, peak }: InterfaceSizes): string =>
    [consumed, freed, peak].map(({ text }) => text).join('; ');
  return texts(a) === texts(b);
}

function symbolsUsed(machine: Machine, all: readonly InterfaceSizes[]): SymbolUse[] {
  const sizes = all.flatMap(({ consumed, freed, peak }) => [consumed, freed, peak]);
  const names = new Set(sizes.flatMap((one) => [...symbolsOf(one)]));
  return [...names].toSorted().flatMap((name) => {
    const meaning = machine.symbols.get(name);
    return meaning ? [{ name, meaning }] : [];
  });
}

function symbolRemark({ name, meaning }: SymbolUse): Remark[] {
  if (meaning.kind === 'parameter') return [];
  const { line, file } = meaning;
  if (meaning.kind === 'attribute' && meaning.max !== null) {
    const what = `${name} is at most ${meaning.max}, as it was given`;
    return [{ line, file, what, certainty: 'exact' }];
  }
  const certainty = meaning.kind === 'attribute' ? 'attribute' : 'fitted';
  return [{ line, file, what: `${name}: ${meaning.why}`, certainty }];
}

/** The cost model of a language where none is asked for. */
export function defaultModel(language: CostModel['language']): CostModelName {
  return language === 'python' ? 'cpython-3.11' : 'node-24';
}
