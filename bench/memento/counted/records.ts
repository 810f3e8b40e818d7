/** What a run of counted stores keeps. Plain data. */
import type { GuestPages } from '../../../agent/model/pool-messages.ts';
import type { Check } from '../../check.ts';
import type { OwnAgentFacts } from '../../own-agent.ts';
import type { MementoOptions } from '../options.ts';
import type { LifeCount } from './pages.ts';

/** The guest kernel's own count, over a life. */
export type KernelPages = Readonly<GuestPages>;

/** One life of a region, from its plug to its unplug. */
export interface CountedLife extends LifeCount {
  readonly arm: string;
  readonly round: number;
  /** Of the call, as its program tells; null: it does not. */
  readonly minor_faults: number | null;
  /** Null: it does not count. */
  readonly kernel: KernelPages | null;
}

/** What `--counted --json` prints. */
export interface CountedReport extends OwnAgentFacts {
  readonly options: Pick<MementoOptions, 'bytes' | 'rounds' | 'arms'>;
  readonly region_bytes: number;
  readonly duration_ms: number;
  readonly lives: readonly CountedLife[];
  readonly checks: readonly Check[];
}
