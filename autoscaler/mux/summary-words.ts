/** Words that tables of summaries share. Pure. */

/** Why the result of a call takes nothing that would be counted. */
export const BY_NATURE = 'what it gives is a scalar or nothing';

/** Each of the words, which spaces part, behind the prefix: names of calls. */
export const named = (prefix: string, words: string): string[] =>
  words.split(' ').map((word) => `${prefix}${word}`);
