/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_MOUNTS_H
#define HOTPLANE_MOUNTS_H

/* Mounts what a guest needs; says on the console what could not be mounted. */
void mounts_setup(void);

#endif
