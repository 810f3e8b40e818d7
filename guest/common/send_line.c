// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <sys/socket.h>

#include "send_line.h"

bool send_line_with(int socket, const char *line, size_t length, int fd, int flags)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec parts[] = {
		{ .iov_base = (char *)line, .iov_len = length },
		{ .iov_base = "\n", .iov_len = 1 },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	if (fd >= 0) {
		struct cmsghdr *header = (struct cmsghdr *)room;

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(int));
		message.msg_control = room;
		message.msg_controllen = sizeof(room);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | flags) == (ssize_t)length + 1;
}
