/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_HUGE_PAGES_H
#define HOTPLANE_HUGE_PAGES_H

/*
 * Turns huge pages on where the command line asks for them always: a kernel with less than 512 MiB
 * takes no notice of that by itself (hugepage_init() in mm/huge_memory.c). One that cannot is told
 * on the console.
 */
void huge_pages_as_asked(void);

#endif
