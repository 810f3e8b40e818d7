/**
 * What is still to come, earliest first, without an object for each: a binary heap in typed arrays.
 * Equal times leave in the order in which they came. Pure.
 */
const FIRST_CAPACITY = 1_024;

export class EventHeap {
  #at_ms = new Float64Array(FIRST_CAPACITY);
  #order = new Float64Array(FIRST_CAPACITY);
  #payload = new Int32Array(FIRST_CAPACITY);
  #length = 0;
  #pushed = 0;

  get length(): number {
    return this.#length;
  }

  /** Of the earliest; infinite when nothing is to come. */
  get next_ms(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : (this.#at_ms[0] ?? 0);
  }

  push(at_ms: number, payload: number): void {
    if (this.#length === this.#at_ms.length) this.#grow();
    const times = this.#at_ms;
    const orders = this.#order;
    const payloads = this.#payload;
    let place = this.#length;
    this.#length += 1;
    this.#pushed += 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = times[parent] ?? 0;
      // What comes now came later than all that is there.
      if (above <= at_ms) break;
      times[place] = above;
      orders[place] = orders[parent] ?? 0;
      payloads[place] = payloads[parent] ?? 0;
      place = parent;
    }
    times[place] = at_ms;
    orders[place] = this.#pushed;
    payloads[place] = payload;
  }

  /** Takes the earliest out; there must be one. */
  pop(): number {
    const payloads = this.#payload;
    const first = payloads[0] ?? 0;
    this.#length -= 1;
    if (this.#length > 0) this.#sink();
    return first;
  }

  #sink(): void {
    const times = this.#at_ms;
    const orders = this.#order;
    const payloads = this.#payload;
    const length = this.#length;
    const at_ms = times[length] ?? 0;
    const order = orders[length] ?? 0;
    const payload = payloads[length] ?? 0;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= length) break;
      let below = times[child] ?? 0;
      if (child + 1 < length) {
        const other = times[child + 1] ?? 0;
        const is_earlier =
          other < below || (other === below && (orders[child + 1] ?? 0) < (orders[child] ?? 0));
        if (is_earlier) {
          child += 1;
          below = other;
        }
      }
      if (below > at_ms || (below === at_ms && (orders[child] ?? 0) > order)) break;
      times[place] = below;
      orders[place] = orders[child] ?? 0;
      payloads[place] = payloads[child] ?? 0;
      place = child;
    }
    times[place] = at_ms;
    orders[place] = order;
    payloads[place] = payload;
  }

  #grow(): void {
    const capacity = this.#at_ms.length * 2;
    const [at_ms, order] = [new Float64Array(capacity), new Float64Array(capacity)];
    const payload = new Int32Array(capacity);
    at_ms.set(this.#at_ms);
    order.set(this.#order);
    payload.set(this.#payload);
    this.#at_ms = at_ms;
    this.#order = order;
    this.#payload = payload;
  }
}
