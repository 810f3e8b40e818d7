// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol_constants.h"
#include "work_loop.h"

void work_answer(const char *line, size_t length)
{
	if (write(PROTOCOL_WORK_FD, line, length) != (ssize_t)length)
		exit(1);
}

int work_loop(void (*serve)(char *line, size_t length))
{
	static char line[PROTOCOL_WORK_LINE_BYTES];
	size_t used = 0;

	if (write(PROTOCOL_WORK_FD, "\n", 1) != 1)
		return 1;
	for (;;) {
		ssize_t got = read(PROTOCOL_WORK_FD, line + used, sizeof(line) - used);
		char *end;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		used += (size_t)got;
		end = memchr(line, '\n', used);
		if (!end && used == sizeof(line))
			return 1;
		if (!end)
			continue;
		/* The init sends one request at a time: nothing follows the newline. */
		serve(line, (size_t)(end - line));
		used = 0;
	}
}
