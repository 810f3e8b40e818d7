// SPDX-License-Identifier: Apache-2.0
/*
 * The supervisor of one instance: starts somebody else's program in a sandbox, hands it invocations
 * in the way it knows (lambda, http, openwhisk), and passes its answers and output on.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/protocol_constants.h"
#include "interface.h"
#include "link.h"
#include "network.h"
#include "output.h"
#include "sandbox.h"
#include "span_peers.h"

/* Before those of the interface: the init, signals, trouble. */
#define OWN_FILES 3
/* Behind them: both streams. */
#define STREAMS 2
/*
 * What a program said before its end is there, or on its way by the loopback; whoever it left, and
 * may hold its connections, is not waited for.
 */
#define LAST_QUIET_MS 20
#define LAST_WORDS_MS 1000
/* As much as a pipe holds, and its end. */
#define LAST_READS 5

static const struct interface *interface;
static struct options options;
static struct program program;
static struct output outputs[STREAMS];
static int signals = -1;
static bool ready;
static double started_at_ms;

bool interface_is_ready(void)
{
	return ready;
}

void interface_became_ready(void)
{
	ready = true;
	link_ready();
}

static void fail(const char *step, int error)
{
	char message[160];

	snprintf(message, sizeof(message), "%s: %s", step, strerror(error));
	link_fail("spawn-failed", message);
	exit(1);
}

/* The answer of one that ended behind it. */
static void hear_answer(void)
{
	double until_ms = boottime_ms() + LAST_WORDS_MS;
	struct pollfd files[INTERFACE_FILES_MAX];

	while (invocation.open && boottime_ms() < until_ms) {
		int count = interface->files(files);

		if (count == 0 || poll(files, (nfds_t)count, LAST_QUIET_MS) <= 0)
			return;
		for (int i = 0; i < count; i++)
			if (files[i].revents)
				interface->news(i, files[i].revents);
	}
}

/* Ends as the program did: the init tells its owner how. */
static void end_like(int status)
{
	for (int i = 0; i < STREAMS; i++)
		for (int times = 0; times < LAST_READS && outputs[i].fd >= 0; times++)
			output_read(&outputs[i]);
	hear_answer();
	if (invocation.open && !*interface->given)
		link_fail("not-taken", "the program ended before it asked for it");
	if (!WIFSIGNALED(status))
		exit(WEXITSTATUS(status));
	signal(WTERMSIG(status), SIG_DFL);
	kill(getpid(), WTERMSIG(status));
	exit(128 + WTERMSIG(status));
}

static void take_signals(void)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGTERM)
			kill(program.pid, SIGTERM);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program.pid)
			end_like(status);
}

static void take_trouble(void)
{
	char text[200];
	ssize_t got = read(program.trouble_fd, text, sizeof(text) - 1);

	close(program.trouble_fd);
	program.trouble_fd = -1;
	if (got <= 0)
		return;
	text[got] = 0;
	link_fail("spawn-failed", text);
	exit(1);
}

static void open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void watch_own_cgroup(void)
{
	char line[256] = "", path[280];
	FILE *file = fopen("/proc/self/cgroup", "re");

	if (file && fgets(line, sizeof(line), file) && !strncmp(line, "0::/", 4)) {
		line[strcspn(line, "\n")] = 0;
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s", line + 3);
		link_watch_cpu(path);
	}
	if (file)
		fclose(file);
}

/* Until the program has to be ready; -1: there is no such moment. */
static int left_ms(void)
{
	double left = started_at_ms + (double)options.ready_ms - boottime_ms();
	char message[96];

	if (ready || options.ready_ms == 0)
		return -1;
	if (left > 0)
		return (int)left + 1;
	snprintf(message, sizeof(message), "the program was not ready after %llu ms",
		 (unsigned long long)options.ready_ms);
	link_fail("init-timeout", message);
	exit(1);
}

static int wait_ms(void)
{
	int least = interface->wait_ms();
	const int others[] = { left_ms(), span_peers_wait_ms() };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (least < 0 || (others[i] >= 0 && others[i] < least))
			least = others[i];
	return least;
}

/* The socket for spans is listened on only by the program that has started. */
static int spans_files(struct pollfd *files)
{
	return options.spans && program.trouble_fd < 0 ? span_peers_files(files) : 0;
}

static void round_of(void)
{
	struct pollfd files[OWN_FILES + INTERFACE_FILES_MAX + STREAMS + SPAN_FILES_MAX] = {
		{ .fd = PROTOCOL_WORK_FD, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
		{ .fd = program.trouble_fd, .events = POLLIN },
	};
	int longest_ms = wait_ms();
	int count = interface->files(files + OWN_FILES);
	struct pollfd *streams = files + OWN_FILES + count;
	struct pollfd *of_spans = streams + STREAMS;
	int span_count = spans_files(of_spans);

	for (int i = 0; i < STREAMS; i++)
		streams[i] = (struct pollfd){ .fd = outputs[i].fd, .events = POLLIN };
	if (poll(files, (nfds_t)(OWN_FILES + count + STREAMS + span_count), longest_ms) < 0)
		return;
	/*
	 * First what was written before an answer. It is seen wherever the answer is: poll looks at
	 * its files in their order, and the streams come after the program's connections.
	 */
	for (int i = 0; i < STREAMS; i++)
		if (streams[i].revents)
			output_read(&outputs[i]);
	for (int i = 0; i < count; i++)
		if (files[OWN_FILES + i].revents)
			interface->news(i, files[OWN_FILES + i].revents);
	if (files[2].revents)
		take_trouble();
	if (files[1].revents)
		take_signals();
	if (files[0].revents && !link_read())
		exit(0);
	for (int i = 0; i < span_count; i++)
		if (of_spans[i].revents)
			span_peers_news(i, of_spans[i].revents);
	span_peers_tick();
	if (invocation.open && invocation.complete)
		interface->deliver();
}

static const struct interface *find_interface(const char *name)
{
	static const struct interface *const all[] = {
		&lambda_interface, &http_interface, &openwhisk_interface,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

int main(int count, char **arguments)
{
	const char *refusal = options_read(&options, arguments, environ);
	const char *failed;
	int error;

	(void)count;
	if (refusal)
		return fprintf(stderr, "runtime: %s\n", refusal), 2;
	interface = find_interface(options.interface);
	if (!interface)
		return fprintf(stderr, "runtime: no interface %s\n", options.interface), 2;
	open_signals();
	watch_own_cgroup();
	failed = options.root ? network_enter(&options) : NULL;
	if (failed)
		fail(failed, errno);
	error = interface->open(&options);
	if (error)
		fail(interface->name, -error);
	error = options.spans ? span_peers_open() : 0;
	if (error)
		fail("spans", -error);
	started_at_ms = boottime_ms();
	error = sandbox_start(&options, &program);
	if (error)
		fail("start of the program", -error);
	fcntl(program.out_fd, F_SETFL, O_NONBLOCK);
	fcntl(program.err_fd, F_SETFL, O_NONBLOCK);
	outputs[0] = (struct output){ .name = "stdout", .fd = program.out_fd };
	outputs[1] = (struct output){ .name = "stderr", .fd = program.err_fd };
	for (;;)
		round_of();
}
