// SPDX-License-Identifier: Apache-2.0
/* Ends with 0 where the kernel boosts no watermarks (sysctl vm.watermark_boost_factor). */
#include <stdio.h>

int main(void)
{
	FILE *file = fopen("/proc/sys/vm/watermark_boost_factor", "r");
	int factor;

	if (!file || fscanf(file, "%d", &factor) != 1)
		return 2;
	return factor != 0;
}
