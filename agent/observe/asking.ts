/**
 * Asks many VMs what they know of themselves, side by side but a few at a time: answers of hundreds
 * of regions that come all at once would hold up every call. One who is silent is not waited for
 * before the next ones are asked. Answers that nobody has taken yet are few, too: of hundreds of
 * VMs they would be so much that the collector of garbage stops the agent for longer than a turn.
 */
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Pieces } from '../../base/pieces.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { type Asked, askVm, type Told, type VmToShow } from './status.ts';

interface Answer extends PromiseWithResolvers<Told> {
  has_come: boolean;
  /** By somebody, when it had not come yet. */
  is_awaited: boolean;
}

export class Asking {
  readonly #vms: readonly VmToShow[];
  readonly #clock: Clock;
  readonly #pieces: Pieces;
  /**
   * By the place of their VM: made when it is asked or waited for, dropped when it was taken. One
   * made at the beginning would be old by then, and keep what it was resolved with until the next
   * great collection.
   */
  readonly #answers = new Map<number, Answer>();
  #asked = 0;
  #taken = 0;
  /** Those that came, and those of them that somebody has now. */
  #came = 0;
  #had = 0;
  /** Those that somebody waits for. */
  #awaited = 0;
  #is_over = false;
  /** Resolved when more may be asked. */
  #more = Promise.withResolvers<void>();

  constructor(vms: readonly VmToShow[], clock: Clock, pieces: Pieces) {
    this.#vms = vms;
    this.#clock = clock;
    this.#pieces = pieces;
    for (let at_once = 0; at_once < AGENT_LIMITS.status_asks; at_once += 1) void this.#askOn();
  }

  /** What the next `count` VMs tell, in the order in which they were given. */
  async take(count: number): Promise<readonly Told[]> {
    const from = this.#taken;
    assert(from + count <= this.#vms.length, 'the answer of each VM is taken once');
    this.#taken += count;
    const places = Array.from({ length: count }, (_, index) => from + index);
    const wanted = places.map((place) => this.#answerAt(place));
    for (const answer of wanted) {
      if (answer.has_come) continue;
      answer.is_awaited = true;
      this.#awaited += 1;
    }
    this.#goOn();
    try {
      return await Promise.all(wanted.map(({ promise }) => promise));
    } finally {
      this.#had += count;
      for (const place of places) this.#answers.delete(place);
      this.#goOn();
    }
  }

  /** No more are asked. */
  stop(): void {
    this.#is_over = true;
    this.#goOn();
  }

  async #askOn(): Promise<void> {
    for (;;) {
      while (this.#mustWait()) await this.#more.promise;
      await this.#pieces.gap();
      const vm = this.#vms[this.#asked];
      if (this.#is_over || !vm) return;
      const answer = this.#answerAt(this.#asked);
      this.#asked += 1;
      const asked = askVm(vm, this.#clock);
      const came = (): void => this.#come(answer);
      asked.then(came, came);
      asked.then(answer.resolve, answer.reject);
      await answeredOrLate(asked, this.#clock);
    }
  }

  #answerAt(place: number): Answer {
    const known = this.#answers.get(place);
    if (known) return known;
    const answer = { ...Promise.withResolvers<Told>(), has_come: false, is_awaited: false };
    // Whoever waits for it hears of a fault, and nobody may wait yet.
    answer.promise.catch(() => undefined);
    this.#answers.set(place, answer);
    return answer;
  }

  #come(answer: Answer): void {
    answer.has_come = true;
    this.#came += 1;
    if (answer.is_awaited) this.#awaited -= 1;
  }

  /** Who waits for one that is silent waits for no others after it: those are asked on. */
  #mustWait(): boolean {
    const unread = this.#came - this.#had;
    return !this.#is_over && this.#awaited === 0 && unread >= AGENT_LIMITS.status_unread;
  }

  #goOn(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers<void>();
  }
}

/** Never rejects. */
async function answeredOrLate(asked: Asked, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>();
  const callOff = clock.timer(AGENT_LIMITS.status_patience_ms, () => late.resolve());
  await Promise.race([asked.then(noMatter, noMatter), late.promise]);
  callOff();
}

const noMatter = (): void => undefined;
