/** `hotplane profile tiers` from options to exit: the same workload once for each share. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { FunctionSpec } from '../../agent/model/spec.ts';
import { jsonDocument } from '../../base/json.ts';
import type { HotplaneError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { replaceFile } from '../results/writer.ts';
import { tierWorkloadSchema } from '../simulator/tiers/workload.ts';
import { needNoArchive, readArchive } from './archive.ts';
import { type ProfileCommandInput, runProfileCommand } from './command.ts';
import { profileError } from './errors.ts';
import type { ServedBy } from './profile-plan.ts';
import { measuredTable, type MeasuredTiers, type ShareRun } from './tier-table.ts';
import { renderTierTable } from './tier-table-text.ts';

/** Beside the folders of the runs. */
const TIER_TABLE_FILE = 'tiers.json';

export interface ProfileTiersInput extends Omit<ProfileCommandInput, 'counter'> {
  /** Each from 0 to 1; 1 is among them. */
  readonly shares: readonly number[];
  /** How often each is run; every second round is the other way round. */
  readonly rounds: number;
  /** An SLO is so many times what a call takes with all memory near. */
  readonly slack: number;
  /** Null: that of each definition. */
  readonly near_node: number | null;
  readonly far_node: number;
  /** All that the host has, by number. */
  readonly host_nodes: readonly number[];
  /** Tests run no agent. */
  readonly runOne?: (input: ProfileCommandInput) => Promise<void>;
}

/** One run of the workload: in which round, and with which share. */
export interface ShareTurn {
  readonly round: number;
  readonly share: number;
  readonly folder: string;
}

/** In their order: what a host does meanwhile meets all shares alike. Pure. */
export function shareTurns(shares: readonly number[], rounds: number, out: string): ShareTurn[] {
  const sorted = shares.toSorted((a, b) => a - b);
  return Array.from({ length: rounds }, (_, at) => {
    const round = at + 1;
    const order = at % 2 === 0 ? sorted : sorted.toReversed();
    return order.map((share) => {
      return { round, share, folder: join(out, `round-${round}`, `share-${share}`) };
    });
  }).flat();
}

/** Throws as runProfileCommand does; runs that ended before are kept. */
export async function runProfileTiers(input: ProfileTiersInput): Promise<void> {
  const { out, shares, rounds, slack, json, read, signal, stdout, stderr } = input;
  const { runOne = runProfileCommand } = input;
  const turns = shareTurns(shares, rounds, out);
  needOwn(input);
  for (const { folder } of turns) needNoArchive(folder);
  // The same arrivals for all.
  const seed = input.seed ?? read.workload.seed ?? randomInt(2 ** 32);
  const runs: ShareRun[] = [];
  for (const [index, { round, share, folder }] of turns.entries()) {
    stderr.write(`run ${index + 1} of ${turns.length}: round ${round}, share ${share}\n`);
    const targets = withShare(input, share);
    const silent = { write: () => undefined };
    const about = { out: folder, targets, seed, counter: null, json: false, stdout: silent };
    await runOne({ ...input, ...about });
    runs.push({ round, share, archive: await readArchive(folder, signal) });
  }
  const table = measuredTable(runs, slack, tiersOf(input));
  if (table.workload === null) {
    const [first] = table.left_out;
    throw noTable(first ? `${first.input}: ${first.why}` : 'the workload has no instances');
  }
  const checked = tierWorkloadSchema.safeParse(table.workload);
  if (!checked.success) throw noTable(checked.error.issues[0]?.message ?? 'it is no table');
  const path = join(out, TIER_TABLE_FILE);
  replaceFile(path, jsonDocument(table.workload));
  stdout.write(json ? jsonDocument(table) : renderTierTable(table, path));
}

const noTable = (why: string): HotplaneError =>
  profileError(
    'HP_PROFILE_NO_TABLE',
    `no latencies by share come of these runs: ${printable(why)}.`,
  );

function tiersOf({ near_node, far_node, targets, host_nodes }: ProfileTiersInput): MeasuredTiers {
  const near = [...new Set(specsOf(targets).map(({ host_node }) => near_node ?? host_node))];
  const others = host_nodes.filter((node) => node !== far_node);
  const [only = null] = near.length === 1 ? near : [];
  return { near_node: only, far_node, is_apart: others.length > 0 && only !== far_node };
}

const specsOf = (targets: ReadonlyMap<string, ServedBy>): FunctionSpec[] =>
  [...targets.values()].flatMap((one) => (one.kind === 'spec' ? [one.spec] : []));

/** Whatever an application is served by is deployed with the shares of these runs. */
function needOwn({ read, targets }: ProfileTiersInput): void {
  for (const { application } of read.workload.instances) {
    const served = targets.get(application);
    if (served?.kind === 'spec') continue;
    const name = printable(application);
    const message = served
      ? `'${printable(served.name)}' is deployed already, with a share of its own.`
      : `nothing is named that serves '${name}'.`;
    const next = `give a function.yaml or a size: --function ${name}=function.yaml, or =256MiB.`;
    throw profileError('HP_PROFILE_FUNCTION', message, { next });
  }
}

/** What is deployed has its memory on two nodes, with that share near. */
function withShare(
  { targets, near_node, far_node }: ProfileTiersInput,
  share: number,
): ReadonlyMap<string, ServedBy> {
  return new Map(
    [...targets].map(([application, served]): [string, ServedBy] => {
      if (served.kind !== 'spec') return [application, served];
      const { spec } = served;
      const host_node = near_node ?? spec.host_node;
      const tiers = { far_node, share, table: null };
      return [application, { kind: 'spec', spec: { ...spec, host_node, tiers } }];
    }),
  );
}
