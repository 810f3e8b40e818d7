/** `dags.json`: what a simulation of calls of DAGs came to. Nothing in it was measured. */
import type { DagFigures } from './figures.ts';

export interface DagSimulation {
  readonly format: 'hotplane-simulate-dags/1';
  readonly simulated: true;
  readonly hotplane_version: string;
  readonly options: Readonly<Record<string, string>>;
  readonly trace: {
    readonly kind: string;
    readonly made_of: Readonly<Record<string, number>>;
    readonly calls: number;
    readonly dags: number;
    readonly functions: number;
    readonly window_ms: number;
    readonly warm_up_ms: number;
    readonly hopeless: number;
    readonly busy_gib_s: number;
  };
  readonly mechanism: { readonly name: string; readonly source: string; readonly start_ms: number };
  readonly runs: readonly DagFigures[];
}
