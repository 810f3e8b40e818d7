/** Guest images from images/, found or built before the agent serves. */
import type { Logger } from 'pino';
import { HotplaneError } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import { ensureGuest, type Guest, guestKernelArguments } from '../../images/index.ts';
import type { FunctionSpec, Mechanism } from '../core/spec.ts';
import { refusalOf } from './failure.ts';
import type { GuestImages } from './images.ts';

type Variant = 'stock' | 'hotmem';

export interface ImageOptions {
  readonly mechanisms: readonly Mechanism[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

function variantOf(mechanism: Mechanism): Variant {
  return mechanism === 'hotmem' ? 'hotmem' : 'stock';
}

/**
 * Makes the image of every named mechanism ready, from the cache in a moment, else by building it.
 * One that cannot be made is logged, and a Deploy that needs it is told why; with none at all the
 * first error is thrown.
 */
export async function prepareImages(options: ImageOptions): Promise<GuestImages> {
  const { mechanisms, progress, signal, log } = options;
  const ready = new Map<Variant, Guest>();
  const failed = new Map<Variant, unknown>();
  for (const variant of new Set(mechanisms.map(variantOf))) {
    try {
      ready.set(variant, await ensureGuest({ variant, progress, signal }));
    } catch (error) {
      if (signal.aborted) throw error;
      failed.set(variant, error);
      log.warn({ variant, err: refusalOf(error) }, 'no guest image');
    }
  }
  const [first_error] = failed.values();
  if (ready.size === 0 && first_error !== undefined) throw first_error;
  return {
    imageFor: async (spec) => {
      const guest = ready.get(variantOf(spec.mechanism));
      if (!guest) throw notReady(spec, failed.get(variantOf(spec.mechanism)));
      const { mechanism, init_on_alloc, guest_huge_pages } = spec;
      return {
        kernel_path: guest.kernel_path,
        initrd_path: guest.initrd_path,
        kernel_arguments: guestKernelArguments({ mechanism, init_on_alloc, guest_huge_pages }),
      };
    },
  };
}

function notReady(spec: FunctionSpec, cause: unknown): HotplaneError {
  return new HotplaneError({
    code: 'HP_AGENT_NO_IMAGE',
    category: 'unavailable',
    message: `this agent has no guest image for mechanism '${spec.mechanism}'.`,
    next: `run 'hotplane images build', then start the agent with --mechanisms ${spec.mechanism}.`,
    ...(cause === undefined ? {} : { cause }),
  });
}
