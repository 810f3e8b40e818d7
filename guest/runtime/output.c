// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "link.h"
#include "output.h"

/* Both streams together: so much at once, and so much in a second. */
#define BURST_BYTES (64 * 1024)
#define BYTES_PER_SECOND (64 * 1024)
/* Read in one turn: an invocation waits for no more of it. */
#define READ_BYTES (16 * 1024)

static double allowance = BURST_BYTES;
static double refilled_at_ms;

static void refill(void)
{
	double now_ms = boottime_ms();

	allowance += (now_ms - refilled_at_ms) * BYTES_PER_SECOND / 1e3;
	if (allowance > BURST_BYTES || refilled_at_ms == 0)
		allowance = BURST_BYTES;
	refilled_at_ms = now_ms;
}

void output_read(struct output *output)
{
	static char bytes[READ_BYTES];
	ssize_t got = read(output->fd, bytes, sizeof(bytes));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		close(output->fd);
		output->fd = -1;
		return;
	}
	refill();
	if ((double)got > allowance) {
		output->dropped += (unsigned long long)got;
		return;
	}
	allowance -= (double)got;
	link_output(output->name, bytes, (size_t)got, output->dropped);
	output->dropped = 0;
}
