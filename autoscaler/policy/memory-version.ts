/** What policies remember: its version, and what goes with a function. Pure. */

/** Whether what came back is what this version of a policy remembers. */
export function isOfVersion(memory: unknown, version: number): boolean {
  return (
    typeof memory === 'object' &&
    memory !== null &&
    'version' in memory &&
    memory.version === version
  );
}

/** The same without what is remembered of a function, of which nothing comes any more. */
export function withoutFunction<
  Known,
  Memory extends { readonly functions: Record<string, Known> },
>(memory: Memory, name: string): Memory {
  if (!(name in memory.functions)) return memory;
  const { [name]: _, ...functions } = memory.functions;
  return { ...memory, functions };
}
