/**
 * Order between answers and news of a guest. Who waits for an answer goes on by promises, so after
 * all lines that were read with it: news that came after an answer would be told before it. They
 * are held until whoever waited has gone on.
 */
export class ReplyOrder<Line> {
  readonly #take: (line: Line) => void;
  readonly #isNews: (line: Line) => boolean;
  /** Null: nobody is about to go on. */
  #held: Line[] | null = null;

  constructor(about: {
    /** Told each line that was held, in their order. */
    readonly take: (line: Line) => void;
    /** Whether it has to wait for answers before it; what follows it waits with it. */
    readonly isNews: (line: Line) => boolean;
  }) {
    this.#take = about.take;
    this.#isNews = about.isNews;
  }

  /** An answer was passed on: who waited for it goes on before the next turn of the loop. */
  replied(): void {
    if (this.#held) return;
    this.#held = [];
    setImmediate(() => this.#goOn());
  }

  /** False: nothing is waited for, and it is to be taken now. */
  hold(line: Line): boolean {
    if (!this.#held || (this.#held.length === 0 && !this.#isNews(line))) return false;
    this.#held.push(line);
    return true;
  }

  /** Takes at once what is held: nothing comes after it. */
  flush(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const line of held) this.#take(line);
  }

  #goOn(): void {
    const held = this.#held ?? [];
    this.#held = null;
    // One of them may be an answer, for which those behind it wait in their turn.
    for (const line of held) if (!this.hold(line)) this.#take(line);
  }
}
