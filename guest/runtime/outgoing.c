// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/socket.h>

#include "outgoing.h"

static void take_sent(struct outgoing *outgoing, size_t sent)
{
	while (!outgoing_is_sent(outgoing)) {
		struct iovec *part = &outgoing->parts[outgoing->at];
		size_t taken = sent < part->iov_len ? sent : part->iov_len;

		part->iov_base = (char *)part->iov_base + taken;
		part->iov_len -= taken;
		sent -= taken;
		if (part->iov_len > 0)
			return;
		outgoing->at++;
	}
}

/* Head and payload together, so that the program is woken once for a small one. */
void outgoing_send_on(struct outgoing *outgoing, int fd)
{
	while (!outgoing_is_sent(outgoing)) {
		struct msghdr message = {
			.msg_iov = outgoing->parts + outgoing->at,
			.msg_iovlen = outgoing->count - outgoing->at,
		};
		ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			outgoing->refused = errno != EAGAIN;
			return;
		}
		outgoing->began = outgoing->began || sent > 0;
		take_sent(outgoing, (size_t)sent);
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
