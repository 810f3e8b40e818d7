// SPDX-License-Identifier: Apache-2.0
/*
 * Fills pipes with as many MiB as its argument says, and ends with 0. Buffers of pipes are memory
 * that the kernel cannot move: in a region of movable memory they have no place.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* What one holds unless told otherwise. */
#define PIPE_BYTES (64 * 1024)

int main(int argc, char **argv)
{
	static char bytes[PIPE_BYTES];
	int count = argc > 1 ? atoi(argv[1]) * ((1 << 20) / PIPE_BYTES) : 0;

	for (int i = 0; i < count; i++) {
		int ends[2];

		if (pipe2(ends, O_NONBLOCK) < 0)
			return 1;
		if (write(ends[1], bytes, sizeof(bytes)) != sizeof(bytes))
			return 2;
	}
	return 0;
}
