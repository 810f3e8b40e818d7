/**
 * The graph as PROV-JSON (https://www.w3.org/submissions/prov-json/): what was done are activities,
 * the memory of a holder and its permits entities, who asked and who decided agents.
 */
import type { JsonObject } from '../base/json.ts';
import type { Entry, LedgerGraph, Source } from './graph.ts';
import type { LedgerRecord } from './record.ts';
import { isoTime } from './text.ts';

const PREFIX = 'hp';
const NAMESPACE = 'urn:hotplane:ledger:';

/** Memory that somebody has from here on; all others are things that happened. */
const ENTITIES = new Set<LedgerRecord['kind']>([
  'permit',
  'holder',
  'populated',
  'grown',
  'shrunk',
  'emptied',
  'discarded',
]);
/** Of the ledger itself, and what only confirms. */
const LEFT_OUT = new Set<LedgerRecord['kind']>(['segment', 'end', 'torn', 'gap', 'pruned']);

type Part = Record<string, JsonObject>;

export function provJson(graph: LedgerGraph): JsonObject {
  const parts = {
    entity: {} as Part,
    activity: {} as Part,
    agent: {} as Part,
    wasGeneratedBy: {} as Part,
    wasDerivedFrom: {} as Part,
    wasInformedBy: {} as Part,
    used: {} as Part,
    wasAssociatedWith: {} as Part,
    wasAttributedTo: {} as Part,
  };
  let relations = 0;
  const relate = (kind: keyof typeof parts, about: JsonObject): void => {
    relations += 1;
    parts[kind][`_:r${relations}`] = about;
  };
  const agentOf = (source: Source, record: LedgerRecord): string => {
    const { trust = 'agent', peer } = record;
    const id = `${PREFIX}:${source.ledger}/${trust}${peer ? `/${peer}` : ''}`;
    parts.agent[id] ??= {
      'hp:trust': trust,
      'hp:host': source.host,
      ...(peer && { 'hp:peer': peer }),
    };
    return id;
  };
  for (const entry of graph.entries) {
    const { source, record } = entry;
    if (LEFT_OUT.has(record.kind)) continue;
    const id = idOf(entry);
    const is_entity = ENTITIES.has(record.kind);
    parts[is_entity ? 'entity' : 'activity'][id] = attributesOf(entry, is_entity);
    const agent = agentOf(source, record);
    if (is_entity) relate('wasAttributedTo', { 'prov:entity': id, 'prov:agent': agent });
    else relate('wasAssociatedWith', { 'prov:activity': id, 'prov:agent': agent });
    for (const cause of graph.causesOf(entry)) {
      if (LEFT_OUT.has(cause.record.kind)) continue;
      const [kind, about] = edgeOf(id, is_entity, cause);
      const warm = cause.record.seq === record.reuse_seq ? { 'prov:type': 'hp:warm-reuse' } : {};
      relate(kind, { ...about, ...warm });
    }
  }
  return { prefix: { [PREFIX]: NAMESPACE }, ...parts };
}

function idOf({ source, record }: Entry): string {
  return `${PREFIX}:${source.ledger}/${record.seq}`;
}

type Edge = 'wasDerivedFrom' | 'wasGeneratedBy' | 'used' | 'wasInformedBy';

function edgeOf(id: string, is_entity: boolean, cause: Entry): [Edge, JsonObject] {
  const other = idOf(cause);
  const of_entity = ENTITIES.has(cause.record.kind);
  if (is_entity && of_entity) {
    return ['wasDerivedFrom', { 'prov:generatedEntity': id, 'prov:usedEntity': other }];
  }
  if (is_entity) return ['wasGeneratedBy', { 'prov:entity': id, 'prov:activity': other }];
  if (of_entity) return ['used', { 'prov:activity': id, 'prov:entity': other }];
  return ['wasInformedBy', { 'prov:informed': id, 'prov:informant': other }];
}

function attributesOf({ record, wall_ms }: Entry, is_entity: boolean): JsonObject {
  const { seq: _, at_ms, cause_seq: __, kind, inputs, answers, ...rest } = record;
  const attributes: JsonObject = { 'prov:type': `hp:${kind}` };
  const from = isoTime(wall_ms);
  if (!is_entity) {
    attributes['prov:startTime'] = from;
    const { ended_at_ms } = record;
    const took_ms = ended_at_ms === undefined || ended_at_ms === null ? 0 : ended_at_ms - at_ms;
    attributes['prov:endTime'] = isoTime(wall_ms + Math.max(0, took_ms));
  } else attributes['hp:at'] = from;
  for (const [name, value] of Object.entries(rest)) {
    if (value !== null && value !== undefined) attributes[`hp:${name}`] = value;
  }
  if (inputs) attributes['hp:inputs'] = JSON.stringify(inputs);
  if (answers) attributes['hp:answers'] = JSON.stringify(answers);
  return attributes;
}
