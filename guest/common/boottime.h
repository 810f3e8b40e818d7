/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_BOOTTIME_H
#define HOTPLANE_BOOTTIME_H

#include <time.h>

static inline double clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The clock of every time stamp in the guest protocol. */
static inline double boottime_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

#endif
