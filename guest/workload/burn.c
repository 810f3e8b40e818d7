// SPDX-License-Identifier: Apache-2.0
#include "../common/boottime.h"
#include "work.h"

#define ROUNDS_PER_LOOK 2000

void burn_until(double cpu_start_ms, double cpu_ms)
{
	volatile uint64_t value = 88172645463325252ULL;

	while (clock_ms(CLOCK_THREAD_CPUTIME_ID) - cpu_start_ms < cpu_ms) {
		for (int i = 0; i < ROUNDS_PER_LOOK; i++) {
			uint64_t next = value;

			next ^= next << 13;
			next ^= next >> 7;
			next ^= next << 17;
			value = next;
		}
	}
}
