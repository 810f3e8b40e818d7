/** Versions of the server: what each can do, and which the driver refuses, with the reason. */
import { chError } from './errors.ts';

export interface ChVersion {
  readonly major: number;
  readonly minor: number;
  /** As the server wrote it. */
  readonly text: string;
}

/** What differs from version to version and matters to a caller. */
export interface ChFeatures {
  /** `memory_actual_size` is what is plugged; before, an echo of the request. */
  readonly actual_size: boolean;
  /** Errors are a JSON array of sentences; before, plain text. */
  readonly json_errors: boolean;
  /** A region can be used to its very last block. */
  readonly last_block: boolean;
  readonly landlock: boolean;
  readonly nmi: boolean;
  readonly resize_disk: boolean;
  readonly generic_vhost_user: boolean;
  readonly no_shutdown: boolean;
  /** A socket left behind by a dead server is taken over; before, it must be unlinked first. */
  readonly stale_socket: boolean;
}

/** Oldest version the driver takes. */
const DRIVER_VERSION = 53;

/** Reads `53.0.0`, `v53.0`, `cloud-hypervisor v53.0-12-gabcdef`; null when it is none of these. */
export function parseVersion(text: string): ChVersion | null {
  const match = /^(?:cloud-hypervisor )?v?(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?(?:[-+].*)?$/.exec(
    text.trim(),
  );
  if (!match) return null;
  return { major: Number(match[1]), minor: Number(match[2]), text: text.trim() };
}

export function featuresOf({ major }: ChVersion): ChFeatures {
  return {
    actual_size: major >= 52,
    json_errors: major >= 47,
    last_block: major >= 42,
    landlock: major >= 41,
    nmi: major >= 39,
    resize_disk: major >= 50,
    generic_vhost_user: major >= 52,
    no_shutdown: major >= 52,
    stale_socket: major >= 53,
  };
}

/** Why the driver does not take this version, or null when it does. */
export function reasonAgainst(version: ChVersion): string | null {
  const { major } = version;
  if (major >= DRIVER_VERSION) return null;
  if (major === 52) {
    return 'it backs private guest memory with a file and holds about twice the memory (#8246)';
  }
  if (major < 42) return 'it refuses the last block of a region, which breaks the device (#6736)';
  return 'its memory_actual_size repeats the request, so a finished resize cannot be told';
}

/** Throws HP_CH_VERSION for a version the driver does not take. */
export function requireVersion(text: string): ChVersion {
  const version = parseVersion(text);
  if (!version) {
    throw chError('HP_CH_VERSION', `'${text.slice(0, 80)}' is not a version of Cloud Hypervisor.`);
  }
  const reason = reasonAgainst(version);
  if (reason === null) return version;
  throw chError('HP_CH_VERSION', `Cloud Hypervisor ${version.text} is not used: ${reason}.`, {
    details: { version: version.text, reason },
  });
}
