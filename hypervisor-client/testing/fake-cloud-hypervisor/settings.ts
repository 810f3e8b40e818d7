/** How a fake behaves: given at its start, and changed while it runs by `PUT fake.set`. */
import { isObject } from '../../../base/json.ts';

/** What a fault does to an answer. */
export type FaultKind =
  /** The process ends before it looks at the request. */
  | 'die-before'
  /** The request takes effect, then the process ends without a word. */
  | 'die-after-effect'
  /** The request takes effect, half of the answer is sent, then the process ends. */
  | 'die-during'
  /** The answer is sent, then the process ends. */
  | 'die-after'
  /** The connection is closed before the request is looked at; the process goes on. */
  | 'close-before'
  /** The request takes effect, then the connection is closed without an answer. */
  | 'close-after-effect'
  /** Headers and half of the body, then nothing more; the connection stays open. */
  | 'half-body'
  /** Half of the answer, then the connection is closed. */
  | 'half-close'
  /** The request takes effect, and no answer ever comes. */
  | 'silence'
  /** The request is swallowed without effect, and no answer ever comes. */
  | 'silence-before'
  /** The answer comes `delay_ms` late. */
  | 'slow'
  /** `Content-Type: text/html`. */
  | 'wrong-type'
  /** A body that is not JSON. */
  | 'not-json'
  /** Something that is not HTTP. */
  | 'garbage'
  /** A 500 with 4 MiB of text. */
  | 'huge-error'
  /** The HTTP layer's own 400, with a raw newline in what looks like JSON. */
  | 'raw-newline'
  /** The 503 of a server with ten connections. */
  | 'full'
  /** A 500 of the API, without effect. */
  | 'refuse'
  /** A server on its way out: a 500 without effect, then the process ends. */
  | 'ending';

export interface Fault {
  readonly kind: FaultKind;
  /** Route it is for, e.g. `vm.info`; any when left out. */
  readonly route?: string;
  /** How many requests it hits before it is over; for ever when left out. */
  readonly times?: number;
  readonly delay_ms?: number;
}

/** The modelled guest. Sizes are bytes. */
export interface GuestSettings {
  /** From boot until the guest's drivers are active; null: never. */
  readonly boot_ms: number | null;
  /** One step of plugging or unplugging, and the time between two. */
  readonly step_bytes: number;
  readonly step_ms: number;
  /** Per zone: bytes in use, which no unplug gets. */
  readonly in_use: Readonly<Record<string, number>>;
  /** Per zone of a guest with several partitions a device: those that processes live in. */
  readonly used: Readonly<Record<string, readonly number[]>>;
  /** Per zone: bytes above which no plug gets (the guest has no memory for page arrays). */
  readonly plug_limit: Readonly<Record<string, number>>;
  /** After an attempt that could not finish, the guest sleeps this long unless it is woken. */
  readonly retry_ms: number;
  /** Share of what is plugged that the guest has touched, so that the host holds it. */
  readonly touched: number;
  /** Per zone: bytes that the host keeps although they were unplugged. */
  readonly host_keeps: Readonly<Record<string, number>>;
  /** Added to memory_actual_size: a server that lies about sizes. */
  readonly actual_offset: number;
}

export interface FakeSettings {
  /** `38.0.0` to `53.0.0` and beyond. */
  readonly version: string;
  readonly guest: GuestSettings;
  readonly faults: readonly Fault[];
  /** Every n-th event is not written, and every m-th is cut in the middle; 0: none. */
  readonly lose_event: number;
  readonly cut_event: number;
  /** Where a modelled `PID/smaps` is written, for a driver with the same `proc_root`. */
  readonly proc_root: string | null;
  /** First line the modelled guest says on its vsock port. */
  readonly hello: string | null;
}

export const DEFAULT_SETTINGS: FakeSettings = {
  version: '53.0.0',
  guest: {
    boot_ms: 5,
    step_bytes: 128 * 1024 * 1024,
    step_ms: 1,
    in_use: {},
    used: {},
    plug_limit: {},
    retry_ms: 50_000,
    touched: 1,
    host_keeps: {},
    actual_offset: 0,
  },
  faults: [],
  lose_event: 0,
  cut_event: 0,
  proc_root: null,
  hello: null,
};

/** Part of the settings, as a caller gives it. */
export type FakeSettingsPatch = Partial<Omit<FakeSettings, 'guest'>> & {
  readonly guest?: Partial<GuestSettings>;
};

export function patchSettings(settings: FakeSettings, patch: FakeSettingsPatch): FakeSettings {
  return { ...settings, ...patch, guest: { ...settings.guest, ...patch.guest } };
}

/** True for anything that can be taken as a patch; the fake trusts its user with the rest. */
export function isPatch(value: unknown): value is FakeSettingsPatch {
  return isObject(value);
}
