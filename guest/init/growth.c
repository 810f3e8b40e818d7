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
#include "cgroup.h"
#include "growth.h"
#include "hotmem.h"
#include "instance.h"

/* Between two looks at what a busy instance uses; at one that is idle, which frees little. */
#define LOOK_MS 100
#define LOOK_IDLE_MS 1000
/* While somebody waits, what he wants is said again: the first word may have been answered. */
#define LOOK_WAITING_MS 20
/* Between two events of one instance, however often it begins to wait. */
#define EVENT_GAP_MS 2

static void look_within(struct instance *instance, double ms)
{
	double at_ms = boottime_ms() + ms;

	if (at_ms < instance->growth.look_at_ms)
		instance->growth.look_at_ms = at_ms;
	loop_wake_within((int)ms);
}

static void send_event(const struct instance *instance)
{
	const struct growth *growth = &instance->growth;
	char line[1024];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"memory\",\"instance\":");
	text_add_json(&text, instance->name);
	text_add(&text, ",\"region_pci\":");
	text_add_json(&text, instance->region_pci);
	text_add(&text, ",\"used_bytes\":%" PRIu64 ",\"want_bytes\":%" PRIu64, growth->used_bytes,
		 growth->want_bytes);
	if (instance->partition[0])
		text_add(&text, ",\"plugged_bytes\":%" PRIu64, growth->plugged_bytes);
	if (growth->want.added)
		text_add(&text, ",\"free_tail_bytes\":%" PRIu64, growth->free_tail_bytes);
	text_add(&text, ",\"at_ms\":%.3f}", boottime_ms());
	channel_send(line, text.used);
}

static uint64_t want_of(const struct growth *growth)
{
	unsigned long long bytes = 0;
	char text[32];
	ssize_t got;

	if (!growth->want.added)
		return 0;
	/* Reading it from its start is what makes the next change an event. */
	got = pread(growth->want.fd, text, sizeof(text) - 1, 0);
	if (got <= 0)
		return 0;
	text[got] = 0;
	sscanf(text, "%llu", &bytes);
	return bytes;
}

/* True when something is other than it was when it was told. */
static bool look(struct instance *instance)
{
	struct growth *growth = &instance->growth;
	struct growth before = *growth;

	growth->want_bytes = want_of(growth);
	if (!instance->partition[0]) {
		growth->used_bytes = cgroup_current_bytes(instance->cgroup);
	} else {
		growth->used_bytes = hotmem_attribute(instance->partition, "used_bytes");
		growth->plugged_bytes = hotmem_attribute(instance->partition, "plugged_bytes");
	}
	if (growth->want.added)
		growth->free_tail_bytes =
			hotmem_attribute(instance->partition, "free_tail_bytes");
	return growth->want_bytes || before.want_bytes ||
	       growth->used_bytes != before.used_bytes ||
	       growth->plugged_bytes != before.plugged_bytes ||
	       growth->free_tail_bytes != before.free_tail_bytes;
}

void growth_tell(struct instance *instance)
{
	struct growth *growth = &instance->growth;

	if (!growth->told || !look(instance))
		return;
	growth->sent_at_ms = boottime_ms();
	send_event(instance);
}

static void want_ready(struct watch *watch, uint32_t events)
{
	struct growth *growth = container_of(watch, struct growth, want);
	struct instance *instance = container_of(growth, struct instance, growth);
	double since_ms = boottime_ms() - growth->sent_at_ms;

	(void)events;
	if (since_ms >= EVENT_GAP_MS) {
		growth_tell(instance);
		return look_within(instance, LOOK_WAITING_MS);
	}
	want_of(growth);
	look_within(instance, EVENT_GAP_MS);
}

static void open_watch(struct instance *instance)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/hotmem/%s/want_bytes", instance->partition);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	watch_add(&instance->growth.want, fd, EPOLLPRI, want_ready);
	want_of(&instance->growth);
}

void growth_open(struct instance *instance, uint32_t wait_ms)
{
	if (instance->partition[0])
		hotmem_set(instance->partition, "grow_wait_ms", wait_ms);
	/* Who has two has one size. */
	if (instance->far_partition[0])
		hotmem_set(instance->far_partition, "grow_wait_ms", 0);
	if (wait_ms == 0)
		return;
	instance->growth.told = true;
	instance->growth.look_at_ms = boottime_ms() + LOOK_MS;
	if (instance->partition[0])
		open_watch(instance);
}

void growth_close(struct instance *instance)
{
	watch_remove(&instance->growth.want);
	instance->growth.told = false;
}

static double interval_ms(const struct instance *instance)
{
	if (instance->growth.want_bytes)
		return LOOK_WAITING_MS;
	return instance->state == INSTANCE_READY && !instance->busy ? LOOK_IDLE_MS : LOOK_MS;
}

void growths_tick(void)
{
	double now_ms = boottime_ms();

	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		struct instance *instance = instance_at(i);
		struct growth *growth = &instance->growth;

		if (!growth->told || instance->state == INSTANCE_FREE)
			continue;
		if (now_ms >= growth->look_at_ms) {
			growth_tell(instance);
			growth->look_at_ms = now_ms + interval_ms(instance);
		}
		/* Rounded up: a round before its time would do nothing. */
		loop_wake_within((int)(growth->look_at_ms - now_ms) + 1);
	}
}

bool growth_deny(const char *region_pci)
{
	char name[HOTMEM_NAME_MAX];

	return hotmem_find(region_pci, name) && hotmem_set(name, "grow_deny", 1) == 0;
}
