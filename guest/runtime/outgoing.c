// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/socket.h>

#include "outgoing.h"

void outgoing_send_on(struct outgoing *outgoing, int fd)
{
	while (!outgoing_is_sent(outgoing)) {
		struct iovec *part = &outgoing->parts[outgoing->at];
		ssize_t sent = send(fd, part->iov_base, part->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			outgoing->refused = errno != EAGAIN;
			return;
		}
		outgoing->began = outgoing->began || sent > 0;
		part->iov_base = (char *)part->iov_base + sent;
		part->iov_len -= (size_t)sent;
		if (part->iov_len == 0)
			outgoing->at++;
	}
}

void outgoing_begin(struct outgoing *outgoing, int fd, struct iovec head, const struct iovec *parts,
		    size_t count)
{
	*outgoing = (struct outgoing){ .parts[0] = head, .count = count + 1 };
	for (size_t i = 0; i < count; i++)
		outgoing->parts[i + 1] = parts[i];
	outgoing_send_on(outgoing, fd);
}

bool outgoing_is_sent(const struct outgoing *outgoing)
{
	return outgoing->at == outgoing->count;
}

bool outgoing_waits(const struct outgoing *outgoing)
{
	return !outgoing_is_sent(outgoing) && !outgoing->refused;
}
