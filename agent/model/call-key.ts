/** A caller's key for one invocation: asked again with it, it is not run again. Pure. */

/** Characters of a key. */
export const CALL_KEY_CHARS = 128;

export interface CallKey {
  readonly key: string;
  /** Of all that was asked with it: the same key for something else is an error of the caller. */
  readonly digest: string;
}
