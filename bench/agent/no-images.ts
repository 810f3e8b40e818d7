/** Images of VMs that nobody boots: a model of a VMM wants their names alone. */
import type { GuestImages } from '../../agent/executor/images.ts';

export const NO_IMAGES: GuestImages = {
  imageFor: async () => ({
    kernel_path: '/nonexistent/kernel',
    initrd_path: '/nonexistent/initrd',
    kernel_arguments: [],
  }),
};
