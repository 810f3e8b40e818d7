// SPDX-License-Identifier: Apache-2.0
/*
 * The guest of the conformance suite: PID 1 that does what a line on the channel asks for.
 *
 *   ping            answers "ok"
 *   hold BYTES      a process touches that much anonymous memory and keeps it
 *   fill KEEP       the same, until no more than KEEP bytes are free
 *   free            ends all such processes
 *   node N          answers "ok BYTES", the memory of NUMA node N
 *   cpu FLAG        answers "ok 1" when /proc/cpuinfo has the flag, else "ok 0"
 *   disk SERIAL     answers "ok RO LINE": 1 when it is read-only, else 0, and its first line
 *   nic             answers "ok MAC MTU" of its network device, or "ok none"
 *   panic, reboot   do just that
 *
 * Every other answer is "ok" or "failed WHY". The channel is that of the guest protocol: its
 * virtio-serial port, else its vsock port.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../../guest/common/protocol_constants.h"

#define HOLDERS_MAX 64
#define SLICE (1UL << 20)

static pid_t holders[HOLDERS_MAX];
static int holder_count;

static void answer(int fd, const char *format, ...)
{
	char line[256];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	line[length++] = '\n';
	for (int sent = 0; sent < length;) {
		ssize_t wrote = write(fd, line + sent, length - sent);

		if (wrote <= 0 && errno != EINTR && errno != EAGAIN)
			return;
		sent += wrote > 0 ? wrote : 0;
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

static unsigned long free_bytes(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram * info.mem_unit;
}

/*
 * Populates slices (the kernel zeroes them, so the host holds them too) until `bytes` are held or
 * no more than `keep` are free; says so; stays.
 */
static void be_holder(int done, unsigned long bytes, unsigned long keep)
{
	write_file("/proc/self/oom_score_adj", "1000");
	for (unsigned long held = 0; held < bytes && free_bytes() > keep; held += SLICE) {
		char *slice = mmap(NULL, SLICE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (slice == MAP_FAILED)
			_exit(1);
	}
	if (write(done, "y", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void hold(int fd, unsigned long bytes, unsigned long keep)
{
	int done[2];
	char byte;
	pid_t pid;

	if (holder_count == HOLDERS_MAX || pipe(done)) {
		answer(fd, "failed too many holders");
		return;
	}
	pid = fork();
	if (pid == 0)
		be_holder(done[1], bytes, keep);
	close(done[1]);
	holders[holder_count++] = pid;
	if (read(done[0], &byte, 1) == 1)
		answer(fd, "ok");
	else
		answer(fd, "failed the holder ended");
	close(done[0]);
}

static void free_all(int fd)
{
	for (int i = 0; i < holder_count; i++) {
		kill(holders[i], SIGKILL);
		waitpid(holders[i], NULL, 0);
	}
	holder_count = 0;
	answer(fd, "ok");
}

static void tell_node(int fd, int node)
{
	char path[64], line[128];
	unsigned long kib;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
	file = fopen(path, "r");
	if (!file) {
		answer(fd, "failed no node %d", node);
		return;
	}
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Node %*d MemTotal: %lu kB", &kib) == 1)
			answer(fd, "ok %lu", kib * 1024);
	fclose(file);
}

static void tell_cpu(int fd, const char *flag)
{
	char line[8192];
	FILE *file = fopen("/proc/cpuinfo", "r");

	if (!file) {
		answer(fd, "failed no cpuinfo");
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		int found = 0;

		if (strncmp(line, "flags", 5))
			continue;
		for (char *word = strtok(line, " \t\n"); word; word = strtok(NULL, " \t\n"))
			found |= !strcmp(word, flag);
		answer(fd, "ok %d", found);
		fclose(file);
		return;
	}
	fclose(file);
	answer(fd, "failed no flags in cpuinfo");
}

/* Reads one line; false when there is none. */
static int read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "r");
	int found = file && fgets(line, (int)size, file);

	if (file)
		fclose(file);
	if (found)
		line[strcspn(line, "\n")] = 0;
	return found;
}

static void tell_disk(int fd, const char *wanted)
{
	for (char letter = 'a'; letter <= 'z'; letter++) {
		char path[64], serial[64] = "", read_only[8] = "", line[128] = "";

		snprintf(path, sizeof(path), "/sys/block/vd%c/serial", letter);
		/* No line feed ends it. */
		if (!read_line(path, serial, sizeof(serial)) || strcmp(serial, wanted))
			continue;
		snprintf(path, sizeof(path), "/sys/block/vd%c/ro", letter);
		read_line(path, read_only, sizeof(read_only));
		snprintf(path, sizeof(path), "/dev/vd%c", letter);
		if (!read_line(path, line, sizeof(line)))
			break;
		answer(fd, "ok %s %s", read_only, line);
		return;
	}
	answer(fd, "failed no readable disk %s", wanted);
}

static void tell_nic(int fd)
{
	char mac[32] = "", mtu[16] = "";

	if (!read_line("/sys/class/net/eth0/address", mac, sizeof(mac)) ||
	    !read_line("/sys/class/net/eth0/mtu", mtu, sizeof(mtu)))
		answer(fd, "ok none");
	else
		answer(fd, "ok %s %s", mac, mtu);
}

static void obey(int fd, const char *line)
{
	unsigned long number = 0;

	sscanf(line, "%*s %lu", &number);
	if (!strncmp(line, "hold ", 5))
		hold(fd, number, 0);
	else if (!strncmp(line, "fill ", 5))
		hold(fd, ~0UL, number);
	else if (!strcmp(line, "free"))
		free_all(fd);
	else if (!strncmp(line, "node ", 5))
		tell_node(fd, number);
	else if (!strncmp(line, "cpu ", 4))
		tell_cpu(fd, line + 4);
	else if (!strncmp(line, "disk ", 5))
		tell_disk(fd, line + 5);
	else if (!strcmp(line, "nic"))
		tell_nic(fd);
	else if (!strcmp(line, "panic"))
		write_file("/proc/sysrq-trigger", "c");
	else if (!strcmp(line, "reboot"))
		reboot(RB_AUTOBOOT);
	else if (!strcmp(line, "ping"))
		answer(fd, "ok");
	else
		answer(fd, "failed unknown request");
}

/* Opens the virtio-serial port with our name, or returns -1. */
static int open_port(void)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	char path[512], name[64] = "";
	int found = -1;

	while (ports && found < 0 && (entry = readdir(ports))) {
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) &&
		    !strncmp(name, PROTOCOL_SERIAL_PORT, strlen(PROTOCOL_SERIAL_PORT))) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			found = open(path, O_RDWR);
		}
		fclose(file);
	}
	if (ports)
		closedir(ports);
	return found;
}

/* Waits for a host on the vsock port; -1 when there is no vsock. */
static int accept_vsock(void)
{
	static int listener = -1;
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PROTOCOL_VSOCK_PORT,
	};

	if (listener < 0) {
		listener = socket(AF_VSOCK, SOCK_STREAM, 0);
		if (listener < 0 || bind(listener, (void *)&address, sizeof(address)) ||
		    listen(listener, 1)) {
			close(listener);
			listener = -1;
			return -1;
		}
	}
	return accept(listener, NULL, NULL);
}

static void serve(int fd, int is_port)
{
	char line[256];
	size_t used = 0;

	for (;;) {
		ssize_t got = read(fd, line + used, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 && !is_port)
			return;
		/* A port without a host reads as an end of file, at once and for ever. */
		if (got <= 0)
			usleep(5000);
		else if (line[used] != '\n')
			used = used < sizeof(line) - 1 ? used + 1 : 0;
		else {
			line[used] = 0;
			used = 0;
			obey(fd, line);
		}
	}
}

int main(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	write_file("/proc/sys/vm/overcommit_memory", "1");
	/*
	 * An unplug moves pages into the last free one that movable memory may have. Threads of
	 * the kernel need some then: without it they have a holder killed, and all comes back.
	 */
	write_file("/proc/sys/vm/lowmem_reserve_ratio", "16 16 16");
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int port = open_port();
		int fd = port >= 0 ? port : accept_vsock();

		if (fd >= 0) {
			serve(fd, port >= 0);
			close(fd);
		} else {
			usleep(10000);
		}
	}
}
