// SPDX-License-Identifier: Apache-2.0
/*
 * The init of a guest that tries every way to get itself into a partition, and then has a child
 * that gets in and overfills it. Says what came of each as `# init NAME: ERRNO`, ends with
 * `# init end`, and stays.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../guest/init/hotmem_abi.h"

/* The rest of include/uapi/linux/hotmem.h (guest-kernel-patches/). */
#define HOTMEM_ATTACH_ON_EXEC (1U << 0)
struct hotmem_attach_pidfd {
	__u32 flags;
	__u32 timeout_ms;
	__s32 pidfd;
	__u32 reserved;
};
#define HOTMEM_IOC_ATTACH_PIDFD _IOW(0xBC, 0x01, struct hotmem_attach_pidfd)
#define HOTMEM_IOC_CANCEL_EXEC _IO(0xBC, 0x02)

#define PLUG_MS 60000
#define OPEN_S 60
#define PLUGGED_BYTES (64UL << 20)
#define STACK_BYTES (64UL << 10)

static int partition = -1;

static void tell(const char *name, int rc)
{
	printf("# init %s: %s\n", name, rc < 0 ? strerrorname_np(errno) : "0");
}

/* Of the only device there is. */
static int open_partition(void)
{
	char path[512];
	struct dirent *entry;
	DIR *folder = opendir("/dev/hotmem");
	int fd = -1;

	while (folder && fd < 0 && (entry = readdir(folder)))
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof(path), "/dev/hotmem/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
	if (folder)
		closedir(folder);
	return fd;
}

static int attach(__u32 flags, __u32 timeout_ms)
{
	struct hotmem_attach request = { .flags = flags, .timeout_ms = timeout_ms };

	return ioctl(partition, HOTMEM_IOC_ATTACH, &request);
}

static int attach_init_by_pidfd(void)
{
	struct hotmem_attach_pidfd request = { .pidfd = (int)syscall(SYS_pidfd_open, 1, 0) };

	return ioctl(partition, HOTMEM_IOC_ATTACH_PIDFD, &request);
}

/* execve() is to fail; if it does not, main() is called with an argument. */
static int attach_on_exec(void)
{
	char *argv[] = { "/init", "executed", NULL };
	int rc = attach(HOTMEM_ATTACH_ON_EXEC, 0);

	if (!rc)
		rc = execv(argv[0], argv);
	ioctl(partition, HOTMEM_IOC_CANCEL_EXEC);
	return rc;
}

static int lent(void *unused)
{
	(void)unused;
	tell("a child with the memory of init attaches", attach(0, PLUG_MS));
	return 0;
}

static void child_with_the_memory_of_init(void)
{
	static char stack[STACK_BYTES] __attribute__((aligned(16)));
	pid_t child = clone(lent, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);

	if (child < 0)
		tell("clone", -1);
	else
		waitpid(child, NULL, 0);
}

/* Returns the status of a child that attached and touched more than there is. */
static int overfill(void)
{
	int status = -1;
	pid_t child = fork();

	if (!child) {
		char *memory = MAP_FAILED;

		tell("a child attaches", attach(0, PLUG_MS));
		memory = mmap(NULL, 2 * PLUGGED_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory != MAP_FAILED)
			memset(memory, 1, 2 * PLUGGED_BYTES);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, &status, 0);
	return status;
}

int main(int argc, char **argv)
{
	int status;

	(void)argv;
	if (argc > 1) {
		puts("# init on exec: executed");
		pause();
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	for (int i = 0; i < OPEN_S && (partition = open_partition()) < 0; i++)
		sleep(1);
	tell("open", partition);
	tell("attaches", attach(0, PLUG_MS));
	tell("by pidfd", attach_init_by_pidfd());
	tell("on exec", attach_on_exec());
	child_with_the_memory_of_init();
	status = overfill();
	printf("# init child: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	puts("# init end");
	for (;;)
		pause();
}
