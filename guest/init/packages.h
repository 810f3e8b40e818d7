/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_PACKAGES_H
#define HOTPLANE_PACKAGES_H

/*
 * Mounts the images that the VM has as disks, found by their serials: the base runtime at
 * /image/base, the function at /image/function, and one over the other at /image/root. Says on
 * the console what could not be mounted.
 */
void packages_setup(void);

/* The folder that is the root of the function's program; NULL when the VM has no image. */
const char *packages_root(void);

/* Why there is no root although the VM has an image, in one sentence; NULL when all is well. */
const char *packages_error(void);

#endif
