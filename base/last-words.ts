/**
 * What a process that is cut short (a second signal, an end that takes too long) says it leaves
 * behind. One list a process, like its signals.
 */
const tellers = new Set<() => string>();

/** Adds a line to the last words; `tell` must not wait. The returned function takes it back. */
export function addLastWords(tell: () => string): () => void {
  tellers.add(tell);
  return () => void tellers.delete(tell);
}

/** Everything there is to say now, a sentence each; empty ones and failing tellers are left out. */
export function lastWords(): string[] {
  const words: string[] = [];
  for (const tell of tellers) {
    try {
      words.push(tell());
    } catch {
      // Whoever cannot tell what it leaves must not keep the others from telling.
    }
  }
  return words.filter((text) => text !== '');
}
