/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_UEVENTS_H
#define HOTPLANE_UEVENTS_H

/* The kernel's news of memory blocks that went online, passed on to the instances that wait. */
void uevents_setup(void);

#endif
