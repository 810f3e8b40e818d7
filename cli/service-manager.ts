/**
 * What a service manager is told (sd_notify(3)): when the command serves, when it stops, and, where
 * it watches, that it still takes turns. The protocol is a datagram on a Unix socket, which Node
 * has not; systemd-notify(1) is a part of every host that sets NOTIFY_SOCKET, waits until the
 * manager has taken the message, and needs no native module.
 */
import { execa } from 'execa';
import type { Clock } from '../base/clock.ts';
import { CLI_LIMITS } from './limits.ts';

export interface ServiceManagerOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly pid: number;
  readonly clock: Clock;
  /** Told when a message did not arrive; the service goes on. */
  readonly onTrouble: (text: string) => void;
}

export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #socket: string;
  /** Half of what the manager allows between two signs of life; null: it does not watch us. */
  readonly #watchdog_ms: number | null;
  readonly #ended = new AbortController();

  private constructor(options: ServiceManagerOptions, socket: string) {
    this.#options = options;
    this.#socket = socket;
    this.#watchdog_ms = watchdogMs(options.env, options.pid);
  }

  /** Null where no manager waits to be told. Takes its variables away from our own children. */
  static from(options: ServiceManagerOptions): ServiceManager | null {
    const { env } = options;
    const socket = env['NOTIFY_SOCKET'] ?? '';
    const found = socket === '' ? null : new ServiceManager(options, socket);
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
    return found;
  }

  /** It serves; from here on it gives signs of life, until {@link stopping}. */
  ready(status: string): void {
    void this.#tell('READY=1', `STATUS=${status}`);
    if (this.#watchdog_ms !== null) void this.#giveSigns(this.#watchdog_ms);
  }

  /** It ends in order, which may take a while; nobody needs a sign of life meanwhile. */
  stopping(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    void this.#tell('STOPPING=1');
  }

  async #giveSigns(every_ms: number): Promise<void> {
    const { clock } = this.#options;
    while (!this.#ended.signal.aborted) {
      await this.#tell('WATCHDOG=1');
      await clock.sleep(every_ms, this.#ended.signal).catch(() => undefined);
    }
  }

  async #tell(...assignments: readonly string[]): Promise<void> {
    const { env, onTrouble } = this.#options;
    const result = await execa('systemd-notify', assignments, {
      env: { PATH: env['PATH'] ?? '/usr/bin:/bin', NOTIFY_SOCKET: this.#socket },
      extendEnv: false,
      stdin: 'ignore',
      timeout: CLI_LIMITS.notify_ms,
      reject: false,
    });
    if (!result.failed) return;
    const why = result.shortMessage ?? `exit code ${result.exitCode ?? 'none'}`;
    onTrouble(`the service manager was not told ${assignments[0] ?? ''}: ${why}`);
  }
}

/** Half of the time the manager allows, where it is this process that it watches. Pure. */
export function watchdogMs(env: NodeJS.ProcessEnv, pid: number): number | null {
  const usec = Number(env['WATCHDOG_USEC'] ?? '');
  const watched = env['WATCHDOG_PID'] ?? '';
  if (!Number.isSafeInteger(usec) || usec <= 0) return null;
  if (watched !== '' && watched !== String(pid)) return null;
  return usec / 1_000 / 2;
}
