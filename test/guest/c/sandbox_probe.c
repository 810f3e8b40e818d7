// SPDX-License-Identifier: Apache-2.0
/* A program that serves HTTP and tells what its sandbox lets it see and do; the body says what. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_MAX (8 << 20)

static char request[REQUEST_MAX];
static char out[4096];

static int entries(const char *path, const char *first)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)))
		if (strchr(first, entry->d_name[0]))
			count++;
	if (dir)
		closedir(dir);
	return count;
}

static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t got = fd < 0 ? 0 : read(fd, text, size - 1);

	text[got > 0 ? got : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	close(fd);
}

/* Files of the guest itself that may be opened for writing. */
static int seized(void)
{
	static const char *const paths[] = {
		"/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/pid_max",
		"/proc/sysrq-trigger", "/proc/irq/default_smp_affinity",
	};
	int count = 0;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], O_WRONLY);

		count += fd >= 0;
		close(fd);
	}
	return count;
}

static void look(void)
{
	char host[64] = "", memory[64], privileges[2048], *at;
	struct ifaddrs *list = NULL;
	int interfaces = 0;

	gethostname(host, sizeof(host));
	read_text("/sys/fs/cgroup/memory.max", memory, sizeof(memory));
	getifaddrs(&list);
	for (struct ifaddrs *one = list; one; one = one->ifa_next)
		if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET)
			interfaces++;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t got = read(fd, privileges, sizeof(privileges) - 1);

	privileges[got > 0 ? got : 0] = 0;
	at = strstr(privileges, "NoNewPrivs:\t");
	snprintf(out, sizeof(out),
		 "{\"pid\":%d,\"uid\":%d,\"processes\":%d,\"host\":\"%s\",\"interfaces\":%d,"
		 "\"memory_max\":\"%s\",\"no_new_privs\":%c,\"root_write\":%s,\"kill_other\":%s,"
		 "\"tmp_entries\":%d,\"seized\":%d}",
		 getpid(), getuid(), entries("/proc", "123456789"), host, interfaces, memory,
		 at ? at[12] : '?', open("/mine", O_CREAT | O_WRONLY, 0600) < 0 ? "false" : "true",
		 kill(2, 0) < 0 && errno == ESRCH ? "false" : "true", entries("/tmp", "m"), seized());
}

static void fill_tmp(void)
{
	static char block[65536];
	int fd = open("/tmp/mine", O_CREAT | O_WRONLY | O_TRUNC, 0600);
	unsigned long long bytes = 0;
	ssize_t wrote;

	while ((wrote = write(fd, block, sizeof(block))) > 0)
		bytes += (unsigned long long)wrote;
	snprintf(out, sizeof(out), "{\"bytes\":%llu,\"error\":\"%s\"}", bytes, strerrorname_np(errno));
	close(fd);
}

static void fork_bomb(void)
{
	static pid_t pids[8192];
	int count = 0;

	while (count < 8192 && (pids[count] = fork()) >= 0) {
		if (pids[count] == 0)
			for (;;)
				pause();
		count++;
	}
	snprintf(out, sizeof(out), "{\"forks\":%d,\"error\":\"%s\"}", count, strerrorname_np(errno));
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
}

static void open_files(void)
{
	int fds[4096], count = 0;

	while (count < 4096 && (fds[count] = open("/dev/null", O_RDONLY)) >= 0)
		count++;
	snprintf(out, sizeof(out), "{\"files\":%d,\"error\":\"%s\"}", count, strerrorname_np(errno));
	while (count > 0)
		close(fds[--count]);
}

static void shout(int mib)
{
	static char line[65536];

	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 16 * mib; i++)
		if (write(1, line, sizeof(line)) < 0)
			break;
	snprintf(out, sizeof(out), "{}");
}

static void eat(void)
{
	for (;;) {
		char *block = malloc(1 << 20);

		if (block)
			memset(block, 'x', 1 << 20);
	}
}

static void answer(int fd, const char *body, size_t length)
{
	char head[128];
	int used = snprintf(head, sizeof(head),
			    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", length);

	if (write(fd, head, (size_t)used) < 0)
		return;
	while (length > 0) {
		ssize_t wrote = write(fd, body, length);

		if (wrote <= 0)
			return;
		body += wrote;
		length -= (size_t)wrote;
	}
}

static void serve(int fd)
{
	size_t used = 0, length = 0;
	char *body = NULL;
	ssize_t got;

	while (!body || used < (size_t)(body - request) + length) {
		got = read(fd, request + used, sizeof(request) - 1 - used);
		if (got <= 0)
			return;
		used += (size_t)got;
		request[used] = 0;
		if (!body && (body = strstr(request, "\r\n\r\n"))) {
			char *header = strcasestr(request, "content-length:");

			body += 4;
			length = header ? strtoul(header + 15, NULL, 10) : 0;
		}
	}
	out[0] = 0;
	if (!strcmp(body, "look"))
		look();
	else if (!strcmp(body, "fill"))
		fill_tmp();
	else if (!strcmp(body, "fork"))
		fork_bomb();
	else if (!strcmp(body, "files"))
		open_files();
	else if (!strncmp(body, "shout ", 6))
		shout(atoi(body + 6));
	else if (!strcmp(body, "eat"))
		eat();
	else if (!strcmp(body, "die"))
		exit(9);
	else
		return answer(fd, body, length);
	answer(fd, out, strlen(out));
}

int main(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)atoi(getenv("PORT"))),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	signal(SIGPIPE, SIG_IGN);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 8) < 0)
		return 1;
	fprintf(stderr, "listening\n");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		serve(fd);
		close(fd);
	}
}
