/**
 * Puts stamps of a guest's clock on the host's. A request was sent before and its reply received
 * after the guest took its stamp, so each exchange bounds the offset; the tightest recent one is
 * used. The error is at most half its round trip, plus drift since.
 */
const SAMPLES_KEPT = 16;

interface Sample {
  readonly offset_ms: number;
  readonly round_trip_ms: number;
}

export class ClockMap {
  #samples: Sample[] = [];

  /** The guest said `guest_ms` at some moment between the two host times. */
  learn(sent_ms: number, received_ms: number, guest_ms: number): void {
    const round_trip_ms = received_ms - sent_ms;
    const offset_ms = (sent_ms + received_ms) / 2 - guest_ms;
    this.#samples = [...this.#samples.slice(1 - SAMPLES_KEPT), { offset_ms, round_trip_ms }];
  }

  /** Host time of a guest stamp, never outside the exchange that carried it. */
  toHost(guest_ms: number, sent_ms: number, received_ms: number): number {
    let best: Sample | undefined;
    for (const sample of this.#samples) {
      if (!best || sample.round_trip_ms < best.round_trip_ms) best = sample;
    }
    const host_ms = best ? guest_ms + best.offset_ms : received_ms;
    return Math.min(received_ms, Math.max(sent_ms, host_ms));
  }
}
