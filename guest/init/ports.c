// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "files.h"
#include "ports.h"

#define PORTS_DIR "/sys/class/virtio-ports"

static bool has_name(const char *port, const char *name)
{
	char path[320];
	char text[128];
	size_t length = strlen(name);

	snprintf(path, sizeof(path), PORTS_DIR "/%s/name", port);
	if (file_read(path, text, sizeof(text)) < 0)
		return false;
	return !strncmp(text, name, length) && (text[length] == '\n' || text[length] == 0);
}

int port_open_serial(const char *name)
{
	DIR *dir = opendir(PORTS_DIR);
	struct dirent *entry;
	int fd = -ENOENT;

	if (!dir)
		return -errno;
	while (fd < 0 && (entry = readdir(dir))) {
		char path[300];

		if (entry->d_name[0] == '.' || !has_name(entry->d_name, name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	closedir(dir);
	return fd;
}

int port_listen_vsock(unsigned int port)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK,
		.svm_port = port,
		.svm_cid = VMADDR_CID_ANY,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int port_accept_vsock(int listener)
{
	struct sockaddr_vm peer;
	socklen_t length = sizeof(peer);
	int fd = accept4(listener, (struct sockaddr *)&peer, &length,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (peer.svm_cid != VMADDR_CID_HOST) {
		close(fd);
		return -EPERM;
	}
	return fd;
}
