/** What the event monitor tells the driver: which region's driver is up, panic, reset. */
import { EventEmitter, once } from 'node:events';
import type { Clock } from '../../../base/clock.ts';
import { EventMonitor } from '../event-monitor.ts';
import type { ChEvent } from '../event-parser.ts';

export type ServerNews = 'panic' | 'reset';

export class ServerEvents {
  readonly #stop = new AbortController();
  readonly #active = new Set<string>();
  readonly #bell = new EventEmitter();

  /** Follows the file from its beginning; `onNews` is called for what the owner must know. */
  constructor(path: string, onNews: (news: ServerNews) => void) {
    this.#bell.setMaxListeners(0);
    void this.#follow(path, onNews);
  }

  isActive(device: string): boolean {
    return this.#active.has(device);
  }

  /** True when the guest's driver of the device is up, false when the time passed first. */
  async waitActive(
    device: string,
    clock: Clock,
    deadline_ms: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const stop = new AbortController();
    const until = AbortSignal.any([stop.signal, signal]);
    const late = clock.sleep(deadline_ms, until).catch(() => undefined);
    void late.then(() => stop.abort());
    while (!this.#active.has(device) && !until.aborted) {
      await once(this.#bell, 'ring', { signal: until }).catch(() => undefined);
    }
    stop.abort();
    return this.#active.has(device);
  }

  close(): void {
    this.#stop.abort();
    this.#bell.emit('ring');
  }

  /** The monitor is a hint: when it cannot be followed, waiting for a driver ends by deadline. */
  async #follow(path: string, onNews: (news: ServerNews) => void): Promise<void> {
    try {
      for await (const event of new EventMonitor(path, { signal: this.#stop.signal })) {
        this.#take(event, onNews);
      }
    } catch {
      this.#stop.abort();
    }
  }

  #take({ source, event, properties }: ChEvent, onNews: (news: ServerNews) => void): void {
    const device = properties['id'];
    if (source === 'virtio-device' && device !== undefined) {
      if (event === 'activated') this.#active.add(device);
      if (event === 'reset') this.#active.delete(device);
    }
    if (source === 'vm' && event === 'rebooting') {
      this.#active.clear();
      onNews('reset');
    }
    if (source === 'guest' && event === 'panic') onNews('panic');
    this.#bell.emit('ring');
  }
}
