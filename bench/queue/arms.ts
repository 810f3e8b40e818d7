/** Which ideas of the queue of operations an agent has in a run, and how it is told so. Pure. */

/**
 * Few heavy unplugs at once; none that would not pay; in steps, which others go between; behind all
 * else on the CPUs of the host.
 */
const IDEAS = ['tokens', 'bypass', 'steps', 'yields'] as const;
export type Idea = (typeof IDEAS)[number];

export interface Arm {
  readonly name: string;
  readonly ideas: readonly Idea[];
}

/** Nothing of it, each alone, each left out, and all of it. */
export const ARMS: readonly [Arm, ...Arm[]] = [
  { name: 'off', ideas: [] },
  ...IDEAS.map((idea) => ({ name: idea, ideas: [idea] })),
  ...IDEAS.map((idea) => ({ name: `no-${idea}`, ideas: IDEAS.filter((one) => one !== idea) })),
  { name: 'all', ideas: IDEAS },
];

export const armNamed = (name: string): Arm | undefined => ARMS.find((arm) => arm.name === name);

/** How an agent is told to leave an idea out; bypass it does without by default. */
const WITHOUT: Readonly<Record<Idea, readonly string[]>> = {
  // More than there ever are, from the beginning, whatever it does to others.
  tokens: [
    '--reclaim-tokens',
    '10000',
    '--reclaim-tokens-first',
    '10000',
    '--reclaim-slowdown',
    '10000',
  ],
  bypass: [],
  steps: ['--reclaim-step', 'off'],
  yields: ['--no-reclaim-yields'],
};

/** `hold_ms_per_gib_s`: what bypass reckons with. */
export function agentOptions({ ideas }: Arm, hold_ms_per_gib_s: number): readonly string[] {
  const without = IDEAS.filter((idea) => !ideas.includes(idea)).flatMap((idea) => WITHOUT[idea]);
  const price = ['--hold-ms-per-gib-s', String(hold_ms_per_gib_s)];
  return ideas.includes('bypass') ? [...without, ...price] : without;
}
