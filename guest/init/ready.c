// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/text.h"
#include "channel.h"
#include "loop.h"
#include "ready.h"

/*
 * A partition that is to be prepared, or is: one of its watches is added as long as it is. The VMM
 * calls memory plugged before the kernel here has it, and what it has not it does not prepare.
 */
struct preparing {
	struct watch plugged, left;
	uint64_t bytes;
	char region_pci[PROTOCOL_REGION_PCI_BYTES + 1];
	char name[HOTMEM_NAME_MAX];
};

static struct preparing preparing[PROTOCOL_REGIONS];

static void tell(const struct preparing *one)
{
	char line[256];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"prepared\",\"region_pci\":");
	text_add_json(&text, one->region_pci);
	text_add(&text, ",\"ready_bytes\":%" PRIu64 ",\"at_ms\":%.3f}",
		 hotmem_attribute(one->name, "ready_bytes"), boottime_ms());
	channel_send(line, text.used);
}

/* Reading it from its start is what makes the next change an event. */
static uint64_t read_watched(const struct watch *watch)
{
	unsigned long long value = 0;
	char text[32];
	ssize_t got = pread(watch->fd, text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = 0;
	sscanf(text, "%llu", &value);
	return value;
}

static void left_changed(struct watch *watch, uint32_t events)
{
	struct preparing *one = container_of(watch, struct preparing, left);

	(void)events;
	if (read_watched(&one->left))
		return;
	tell(one);
	watch_remove(&one->left);
}

static int watch_file(struct preparing *one, struct watch *watch, const char *attribute,
		      void (*ready)(struct watch *watch, uint32_t events))
{
	char path[160];
	int fd, error;

	snprintf(path, sizeof(path), "/sys/class/hotmem/%s/%s", one->name, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = watch_add(watch, fd, EPOLLPRI, ready);
	if (!error)
		read_watched(watch);
	return error;
}

static int begin(struct preparing *one)
{
	int error = 0;

	watch_remove(&one->plugged);
	if (!one->left.added)
		error = watch_file(one, &one->left, "prepare_bytes", left_changed);
	if (!error)
		error = hotmem_set(one->name, "prepare_bytes", one->bytes);
	if (error)
		watch_remove(&one->left);
	return error;
}

static void plugged_changed(struct watch *watch, uint32_t events)
{
	struct preparing *one = container_of(watch, struct preparing, plugged);

	(void)events;
	if (read_watched(&one->plugged) >= one->bytes)
		begin(one);
}

static bool is_used(const struct preparing *one)
{
	return one->plugged.added || one->left.added;
}

/* The one of this region, else a free one. */
static struct preparing *slot_of(const char *region_pci)
{
	struct preparing *unused = NULL;

	for (int i = 0; i < PROTOCOL_REGIONS; i++) {
		struct preparing *one = &preparing[i];

		if (is_used(one) && !strcmp(one->region_pci, region_pci))
			return one;
		if (!is_used(one) && !unused)
			unused = one;
	}
	return unused;
}

int ready_prepare(const char *region_pci, const char name[HOTMEM_NAME_MAX], uint64_t bytes)
{
	struct preparing *one = slot_of(region_pci);
	int error = 0;

	if (!one)
		return -EBUSY;
	if (!hotmem_has(name, "prepare_bytes"))
		return -EOPNOTSUPP;
	snprintf(one->region_pci, sizeof(one->region_pci), "%s", region_pci);
	snprintf(one->name, sizeof(one->name), "%s", name);
	one->bytes = bytes;
	if (!one->plugged.added)
		error = watch_file(one, &one->plugged, "plugged_bytes", plugged_changed);
	if (error)
		return error;
	return hotmem_attribute(name, "plugged_bytes") >= bytes ? begin(one) : 0;
}

int ready_trust(bool plugged_reads_zero)
{
	static struct hotmem_partition partitions[PROTOCOL_REGIONS];
	int count = hotmem_list(partitions, PROTOCOL_REGIONS);
	int failed = count > 0 ? 0 : -ENODEV;

	for (int i = 0; i < count && !failed; i++)
		failed = hotmem_set(partitions[i].name, "fresh_zero", plugged_reads_zero);
	for (int i = 0; i < count && failed; i++)
		hotmem_set(partitions[i].name, "fresh_zero", 0);
	return failed;
}

bool ready_count(const char name[HOTMEM_NAME_MAX], struct ready_count *sum)
{
	if (!hotmem_has(name, "pages_skipped"))
		return false;
	sum->ready_bytes += hotmem_attribute(name, "ready_bytes");
	sum->pages_cleared += hotmem_attribute(name, "pages_cleared");
	sum->pages_skipped += hotmem_attribute(name, "pages_skipped");
	sum->pages_prepared += hotmem_attribute(name, "pages_prepared");
	sum->pages_cleared_twice += hotmem_attribute(name, "pages_cleared_twice");
	return true;
}
