// SPDX-License-Identifier: Apache-2.0
/*
 * turns MIB NODE PERMILLE: touches as many MiB, and ends with 0 when the kernel says that so much
 * of them lies on that node, within one hundredth, and all the rest on one other.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define TOLERANCE_PERMILLE 10

/* Of one line: pages on @node, and on how many nodes there are any. */
static long pages_on(const char *line, int node, long *all, int *nodes)
{
	long on = 0;

	for (const char *at = strstr(line, " N"); at; at = strstr(at + 1, " N")) {
		int number;
		long pages;

		if (sscanf(at, " N%d=%ld", &number, &pages) != 2)
			continue;
		*all += pages;
		*nodes += 1;
		if (number == node)
			on = pages;
	}
	return on;
}

int main(int argc, char **argv)
{
	size_t bytes = argc > 3 ? (size_t)atoi(argv[1]) << 20 : 0;
	int node = argc > 3 ? atoi(argv[2]) : 0, nodes = 0;
	long wanted = argc > 3 ? atol(argv[3]) : 0, on = 0, all = 0, permille;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static char line[4096];
	FILE *maps;

	if (!bytes || memory == MAP_FAILED)
		return 2;
	for (size_t at = 0; at < bytes; at += PAGE)
		memory[at] = 1;
	maps = fopen("/proc/self/numa_maps", "r");
	while (maps && fgets(line, sizeof(line), maps))
		if (strtoul(line, NULL, 16) == (uintptr_t)memory)
			on = pages_on(line, node, &all, &nodes);
	if (all * PAGE != (long)bytes) {
		printf("%ld pages of %zu bytes are told\n", all, bytes);
		return 3;
	}
	permille = on * 1000 / all;
	printf("%ld of %ld pages on node %d, %d nodes\n", on, all, node, nodes);
	fflush(stdout);
	return labs(permille - wanted) <= TOLERANCE_PERMILLE && nodes == 2 ? 0 : 1;
}
