/**
 * A host that misbehaves while a guest plugs and unplugs: it changes its mind, makes the device
 * answer BUSY (as virtio-mem of QEMU does while a migration runs), and lets the VM stand still.
 */
import { join } from 'node:path';
import { hostClock } from '../../base/clock.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { QmpClient } from '../../hypervisor-client/qemu/qmp.ts';
import { setRequested } from '../../hypervisor-client/qemu/regions.ts';
import type { ResizeRequest } from '../../bench/kernel/selftest-lines.ts';
import { MigrationSink } from './migration-sink.ts';
import { type Mischief, mischiefOf } from './mischief.ts';
import type { HostHand } from '../../bench/kernel/selftest-run.ts';

const MONITOR = 'stress-qmp.sock';
const SINK = 'stress-sink.sock';
/** A second monitor for {@link StressHost}, beside that of the driver. */
export const STRESS_MONITOR = ['-qmp', `unix:RUN_DIR/${MONITOR},server=on,wait=off`] as const;

const REGION = 'r0';
const BLOCK_BYTES = 2 * MIB;
/** So slow that no migration comes to its end. */
const MIGRATION_BYTES_PER_S = 65_536;
const MIGRATION_MS = 30_000;

export interface StressOptions {
  readonly seed: number;
  /** Of the requests are not just obeyed. */
  readonly percent: number;
  readonly region_bytes: number;
}

export class StressHost implements HostHand {
  readonly trouble: string[] = [];
  /** How often each kind of mischief was done. */
  readonly done = { obey: 0, contradict: 0, refuse: 0, freeze: 0 };
  readonly #options: StressOptions;
  readonly #qmp: QmpClient;
  readonly #sink: MigrationSink;
  #requests = 0;

  private constructor(options: StressOptions, qmp: QmpClient, sink: MigrationSink) {
    this.#options = options;
    this.#qmp = qmp;
    this.#sink = sink;
  }

  /** Takes the second monitor of a VM that was started with {@link STRESS_MONITOR}. */
  static async take(run_dir: string, options: StressOptions): Promise<StressHost> {
    const qmp = await QmpClient.connect(join(run_dir, MONITOR));
    await qmp.execute('migrate-set-parameters', { 'max-bandwidth': MIGRATION_BYTES_PER_S });
    return new StressHost(options, qmp, await MigrationSink.open(join(run_dir, SINK)));
  }

  async resize({ bytes }: ResizeRequest): Promise<void> {
    const { seed, percent } = this.#options;
    const mischief = mischiefOf(seed, this.#requests, percent);
    this.#requests += 1;
    try {
      await this.#carryOut(mischief, bytes);
      this.done[mischief.kind] += 1;
    } catch (error) {
      this.trouble.push(`request ${this.#requests}, ${JSON.stringify(mischief)}: ${String(error)}`);
    }
  }

  async settle(): Promise<void> {}

  async close(): Promise<void> {
    this.#qmp.close();
    await this.#sink.close();
  }

  async #carryOut(mischief: Mischief, bytes: number): Promise<void> {
    switch (mischief.kind) {
      case 'obey':
        return await this.#set(bytes);
      case 'contradict':
        await this.#set(bytes);
        for (const { share, pause_ms } of mischief.detours) {
          await hostClock.sleep(pause_ms);
          const blocks = Math.floor((share * this.#options.region_bytes) / BLOCK_BYTES);
          await this.#set(blocks * BLOCK_BYTES);
        }
        return await this.#set(bytes);
      case 'refuse':
        return await this.#meanwhile(mischief, bytes, {
          begin: () => this.#qmp.execute('migrate', { uri: `unix:${this.#sink.path}` }),
          end: () => this.#cancelMigration(),
        });
      case 'freeze':
        return await this.#meanwhile(mischief, bytes, {
          begin: () => this.#qmp.execute('stop'),
          end: () => this.#qmp.execute('cont'),
        });
    }
  }

  async #meanwhile(
    { first, hold_ms }: Extract<Mischief, { hold_ms: number }>,
    bytes: number,
    trouble: { begin(): Promise<unknown>; end(): Promise<unknown> },
  ): Promise<void> {
    if (first === 'size') await this.#set(bytes);
    await trouble.begin();
    try {
      if (first === 'trouble') await this.#set(bytes);
      await hostClock.sleep(hold_ms);
    } finally {
      await trouble.end();
    }
  }

  async #set(bytes: number): Promise<void> {
    await setRequested(this.#qmp, REGION, bytes);
  }

  async #cancelMigration(): Promise<void> {
    await this.#qmp.execute('migrate_cancel');
    const ended = await waitFor(
      async () => {
        const answer = await this.#qmp.execute('query-migrate');
        return /"(cancelled|failed)"/.test(JSON.stringify(answer)) || null;
      },
      { clock: hostClock, deadline_ms: MIGRATION_MS },
    );
    if (!ended) throw new Error(`the migration did not end within ${MIGRATION_MS} ms`);
  }
}
