/**
 * A span that an instance asked for by its name: memory with a life of its own, in a region of its
 * own, beside the memory of the instance. Plain data.
 */
export interface NamedSpan {
  readonly name: string;
  readonly instance_id: string;
  /** Of this asking, by its guest; absent or null: not told. */
  readonly serial?: number | null;
  /** What was asked for, in whole units. */
  readonly bytes: number;
  readonly asked_at_ms: number;
  /** When the guest said so; null: not known. */
  readonly said_at_ms: number | null;
  /** Nobody waits for longer than this: the guest is told then that it does not come. */
  readonly deny_at_ms: number;
  /** Its memory is plugged, and the guest is told so; null: not yet. */
  readonly opened_at_ms: number | null;
}

/** A span as its guest knows it. */
export interface FoundSpan {
  readonly instance_id: string;
  readonly span: string;
  /** `asked`: its program waits for it. */
  readonly state: 'asked' | 'open';
  readonly serial: number | null;
  readonly bytes: number;
}

/** Whether two words are of one asking; what is not told may be of any. */
export function sameAsking(one: number | null | undefined, other: number | null): boolean {
  return (one ?? null) === null || other === null || one === other;
}

/** Whether it is a word of an asking before this one; what is not told is of none. */
export function isOfEarlier(told: number | null, now: number | null | undefined): boolean {
  return told !== null && told < (now ?? 0);
}

/** Who holds the region of a span. */
export const spanHolder = ({
  instance_id,
  name,
}: Pick<NamedSpan, 'instance_id' | 'name'>): string => `${instance_id}/${name}`;

/** A holder, taken apart; `span` null: it is the instance itself. */
export function holderParts(holder: string | null): {
  readonly instance_id: string | null;
  readonly span: string | null;
} {
  if (holder === null) return { instance_id: null, span: null };
  const [instance_id = holder, span = null] = holder.split('/', 2);
  return { instance_id, span };
}
