/** Memory of instances on two nodes of the host, as function.yaml and `deploy` say it. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { FunctionSpec } from '../../agent/model/spec.ts';
import { SHARE_LIMITS, type ShareTable } from '../../agent/model/tiers-spec.ts';
import { HOST_NODE_MAX } from '../../hypervisor-client/host/host-nodes.ts';
import { badArguments, badShareTable, badValue } from '../errors.ts';
import type { Values } from '../values.ts';

/** An SLO where none is said is so many times what a call takes with all memory near. */
const SLACK = 1.3;
/** Of a line that is far. */
const PENALTY_NS_MAX = 1_000_000;

/** `durationOf` of the manifest is given: it reads this part, and not the other way round. */
export const tiersKeys = <Slo extends z.ZodType<number>>(slo: Slo) =>
  z
    .strictObject({
      far_node: z
        .number()
        .int()
        .min(0)
        .max(HOST_NODE_MAX)
        .describe('NUMA node of the host that the far part lies on'),
      share: z
        .union([z.number().min(0).max(1), z.literal('auto')], {
          error: "must be a number from 0 to 1, or 'auto'",
        })
        .describe('of each instance that is near; auto: chosen at each start, from table'),
      table: z
        .string()
        .min(1)
        .max(4_096)
        .optional()
        .describe('beside this file: latencies by share, or counted accesses (docs/tiers.md)'),
      input: z
        .string()
        .min(1)
        .max(64)
        .optional()
        .describe('which kind of call of it; default: the only one of this function'),
      slo: slo.optional().describe('what a call may take; default: as the table says'),
      penalty: z
        .number()
        .min(0)
        .max(PENALTY_NS_MAX)
        .optional()
        .describe('ns that a far line costs, stated; with counted accesses alone'),
    })
    .refine(({ share, table }) => (share === 'auto') === (table !== undefined), {
      path: ['table'],
      error: "goes with share: 'auto', and is needed there",
    });
export type TiersKeys = z.output<ReturnType<typeof tiersKeys>>;

/** The part of a spec; `table`: what was read of the file that is named. Pure. */
export function tiersOfKeys(
  keys: TiersKeys | undefined,
  table: ShareTable | null,
): FunctionSpec['tiers'] {
  if (!keys) return null;
  const { far_node, share } = keys;
  return share === 'auto' ? { far_node, share: null, table } : { far_node, share, table: null };
}

/** What the keys name as a table; null: none. Throws HP_CLI_SHARE_TABLE. */
export async function tableOfKeys(
  name: string,
  keys: TiersKeys | undefined,
  path: string,
): Promise<ShareTable | null> {
  if (keys?.table === undefined) return null;
  const { table, input, slo, penalty } = keys;
  const about = { name, input: input ?? null, slo_ms: slo ?? null, penalty_ns: penalty ?? null };
  return await readShareTable(resolve(dirname(path), table), about);
}

interface Wanted {
  readonly name: string;
  readonly input: string | null;
  readonly slo_ms: number | null;
  readonly penalty_ns: number | null;
}

async function readShareTable(path: string, wanted: Wanted): Promise<ShareTable> {
  const { readTable } = await import('../../autoscaler/simulator/tiers/table-file.ts');
  const { name, input, penalty_ns } = wanted;
  const { source, note, classes } = await readTable(
    path,
    { penalty_ns, slack: SLACK },
    badShareTable,
  );
  const own = classes.filter((one) => one.function === name);
  const found = own.filter((one) => input === null || one.input === input);
  const [one] = found;
  if (!one || found.length > 1) {
    const inputs = own.map((kind) => kind.input).join(', ') || 'none';
    const what = input === null ? 'one kind of call' : `input '${input}'`;
    throw badShareTable(`has not ${what} of '${name}', but: ${inputs} (${path})`);
  }
  const told = `${name}/${one.input}; ${note}`;
  return {
    slo_ms: wanted.slo_ms ?? one.slo_ms,
    source,
    note: told.slice(0, SHARE_LIMITS.note_chars),
    rows: one.table,
  };
}

const BESIDE = ['share', 'share-table', 'share-input', 'far-penalty'] as const;

/** What the options of `deploy` say; null: all memory of an instance is on one node. */
export async function tiersOfOptions(name: string, values: Values): Promise<FunctionSpec['tiers']> {
  const given = (option: string): boolean => values.optional(option) !== undefined;
  const beside = BESIDE.find(given);
  if (!given('far-node')) {
    if (beside === undefined) return null;
    throw badArguments('deploy', `--${beside} is given without --far-node.`);
  }
  const far_node = values.whole('far-node', 0, HOST_NODE_MAX);
  const share = values.optional('share');
  if (share === undefined) throw badArguments('deploy', '--far-node needs --share.');
  const path = values.optional('share-table');
  if ((share === 'auto') !== (path !== undefined)) {
    throw badArguments('deploy', "--share-table goes with '--share auto', and is needed there.");
  }
  if (path === undefined) return { far_node, share: shareOf(share), table: null };
  const input = values.optional('share-input') ?? null;
  const penalty_ns = given('far-penalty') ? values.number('far-penalty', 0, PENALTY_NS_MAX) : null;
  const table = await readShareTable(resolve(path), { name, input, slo_ms: null, penalty_ns });
  return { far_node, share: null, table };
}

function shareOf(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw badValue('share', text, "a number from 0 to 1, or 'auto' with --share-table");
}
