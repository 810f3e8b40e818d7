import nodeAssert from 'node:assert/strict';

/** Checks what must never happen; a failure is a bug of ours, not of the caller or the guest. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) nodeAssert.ok(condition, message);
}

/** Marks a branch the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new nodeAssert.AssertionError({ message: `unreachable: ${JSON.stringify(value)}` });
}
