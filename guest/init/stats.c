// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/protocol_constants.h"
#include "devices.h"
#include "files.h"
#include "hotmem.h"
#include "instance.h"
#include "ready.h"
#include "stats.h"

static void add_u64(struct text *text, const char *key, uint64_t value)
{
	text_add(text, ",\"%s\":%" PRIu64, key, value);
}

static void open_partition(struct text *text, bool first, const char *region_pci)
{
	text_add(text, "%s{\"region_pci\":", first ? "" : ",");
	text_add_json(text, region_pci);
}

/* @with_nodes: also what is used of a node, which costs a look at a file of its instance. */
static void add_stock(struct text *text, bool first, const struct mem_device *device,
		      bool with_nodes)
{
	struct device_count count = devices_count(device->virtio);
	uint64_t node_bytes;

	open_partition(text, first, device->pci);
	add_u64(text, "plugged_bytes", count.plugged_bytes);
	/* An untouched kernel does not know who uses which region. */
	text_add(text, ",\"used_bytes\":0,\"peak_bytes\":0");
	add_u64(text, "users", (uint64_t)instances_users(device->pci));
	text_add(text, ",\"state\":\"stock\",\"plug_ns\":0,\"unplug_ns\":0");
	add_u64(text, "map_bytes", count.map_bytes);
	if (with_nodes && instances_node_bytes(device->pci, &node_bytes))
		add_u64(text, "node_used_bytes", node_bytes);
	text_add(text, "}");
}

static void add_hotmem(struct text *text, bool first, const struct hotmem_partition *partition)
{
	static const char *const attributes[] = { "plugged_bytes", "used_bytes", "peak_bytes",
						  "users", "plug_ns", "unplug_ns", "map_bytes" };
	char state[64];

	open_partition(text, first, partition->region_pci);
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		add_u64(text, attributes[i], hotmem_attribute(partition->name, attributes[i]));
	if (hotmem_has(partition->name, "want_bytes")) {
		add_u64(text, "free_tail_bytes",
			hotmem_attribute(partition->name, "free_tail_bytes"));
		add_u64(text, "want_bytes", hotmem_attribute(partition->name, "want_bytes"));
		add_u64(text, "grow_waits", hotmem_attribute(partition->name, "grow_waits"));
		add_u64(text, "grow_wait_ns", hotmem_attribute(partition->name, "grow_wait_ns"));
	}
	hotmem_text(partition->name, "state", state, sizeof(state));
	text_add(text, ",\"state\":");
	text_add_json(text, state[0] ? state : "unknown");
	text_add(text, "}");
}

static bool has_partition(const struct hotmem_partition *partitions, int count, const char *pci)
{
	size_t length = strlen(pci);

	for (int i = 0; i < count; i++)
		if (!strncmp(partitions[i].region_pci, pci, length) &&
		    (partitions[i].region_pci[length] == 0 ||
		     partitions[i].region_pci[length] == '#'))
			return true;
	return false;
}

/* Those of the regions named, without listing the others. */
static int named_partitions(const struct stats_selection *selection, struct hotmem_partition *out)
{
	const struct json_token *token = json_first(selection->document, selection->regions);
	const uint32_t size = selection->regions->size;
	int count = 0;

	for (uint32_t i = 0; token && i < size && count < PROTOCOL_REGIONS; i++) {
		char pci[PROTOCOL_REGION_PCI_BYTES + 1];

		if (json_string(selection->document, token, pci, sizeof(pci)) > 0 &&
		    hotmem_of_region(pci, out + count))
			count++;
		token = json_next(selection->document, token);
	}
	return count;
}

static int named_devices(const struct stats_selection *selection, struct mem_device *out)
{
	const struct json_token *token = json_first(selection->document, selection->regions);
	const uint32_t size = selection->regions->size;
	int count = 0;

	for (uint32_t i = 0; token && i < size && count < PROTOCOL_REGIONS; i++) {
		const struct mem_device *device = NULL;
		char pci[PROTOCOL_REGION_PCI_BYTES + 1];

		/* What has a '#' is a further partition, which is no device of its own. */
		if (json_string(selection->document, token, pci, sizeof(pci)) > 0 &&
		    !strchr(pci, '#'))
			device = devices_find(pci);
		if (device)
			out[count++] = *device;
		token = json_next(selection->document, token);
	}
	return count;
}

static int selected_devices(const struct stats_selection *selection, struct mem_device *out)
{
	const struct mem_device *one;

	if (selection->regions)
		return named_devices(selection, out);
	if (!selection->region)
		return devices_list(out, PROTOCOL_REGIONS);
	one = selection->region[0] ? devices_find(selection->region) : NULL;
	if (!one)
		return 0;
	out[0] = *one;
	return 1;
}

/* Of all together: a line for each would not fit. */
static void add_ready(struct text *text, const struct hotmem_partition *partitions, int count)
{
	struct ready_count sum = { 0 };

	for (int i = 0; i < count; i++)
		if (!ready_count(partitions[i].name, &sum))
			return;
	if (count == 0)
		return;
	text_add(text, ",\"ready\":{\"ready_bytes\":%" PRIu64, sum.ready_bytes);
	add_u64(text, "pages_cleared", sum.pages_cleared);
	add_u64(text, "pages_skipped", sum.pages_skipped);
	add_u64(text, "pages_prepared", sum.pages_prepared);
	add_u64(text, "pages_cleared_twice", sum.pages_cleared_twice);
	text_add(text, "}");
}

static void add_partitions(struct text *text, const struct stats_selection *selection)
{
	static struct hotmem_partition partitions[PROTOCOL_REGIONS];
	static struct mem_device devices[PROTOCOL_REGIONS];
	int partition_count = selection->regions ? named_partitions(selection, partitions)
						 : hotmem_list(partitions, PROTOCOL_REGIONS);
	int device_count = selected_devices(selection, devices);
	bool first = true;

	text_add(text, ",\"partitions\":[");
	for (int i = 0; i < partition_count; i++) {
		add_hotmem(text, first, &partitions[i]);
		first = false;
	}
	for (int i = 0; i < device_count && partition_count + i < PROTOCOL_REGIONS; i++) {
		if (has_partition(partitions, partition_count, devices[i].pci))
			continue;
		add_stock(text, first, &devices[i], !selection->regions);
		first = false;
	}
	text_add(text, "]");
	if (!selection->regions)
		add_ready(text, partitions, partition_count);
}

static void add_memory(struct text *text)
{
	char meminfo[4096];
	uint64_t cached, tmp;

	file_read("/proc/meminfo", meminfo, sizeof(meminfo));
	add_u64(text, "memory_total_bytes", keyed_value(meminfo, "MemTotal") * 1024);
	add_u64(text, "memory_free_bytes", keyed_value(meminfo, "MemFree") * 1024);
	add_u64(text, "memory_available_bytes", keyed_value(meminfo, "MemAvailable") * 1024);
	/* The kernel counts files in memory alone among the cached ones. */
	cached = keyed_value(meminfo, "Cached");
	tmp = keyed_value(meminfo, "Shmem");
	add_u64(text, "page_cache_bytes",
		((cached > tmp ? cached - tmp : 0) + keyed_value(meminfo, "Buffers")) * 1024);
	add_u64(text, "tmp_bytes", tmp * 1024);
	add_u64(text, "kernel_bytes",
		(keyed_value(meminfo, "Slab") + keyed_value(meminfo, "KernelStack") +
		 keyed_value(meminfo, "PageTables")) *
			1024);
}

static void add_vmstat(struct text *text)
{
	static char vmstat[16 * 1024];
	uint64_t faults, major;

	file_read("/proc/vmstat", vmstat, sizeof(vmstat));
	faults = keyed_value(vmstat, "pgfault");
	major = keyed_value(vmstat, "pgmajfault");
	add_u64(text, "pages_migrated", keyed_value(vmstat, "pgmigrate_success"));
	add_u64(text, "minor_faults", faults > major ? faults - major : 0);
	add_u64(text, "oom_kills", keyed_value(vmstat, "oom_kill"));
}

static void add_pressure(struct text *text)
{
	char pressure[512];
	const char *full;

	file_read("/proc/pressure/memory", pressure, sizeof(pressure));
	full = strstr(pressure, "full");
	add_u64(text, "psi_some_us", assigned_value(pressure, "total"));
	add_u64(text, "psi_full_us", full ? assigned_value(full, "total") : 0);
}

static void add_cpu(struct text *text)
{
	unsigned long long user = 0, nice = 0, system = 0, idle, wait, irq = 0, softirq = 0;
	double tick_ms = 1000.0 / (double)sysconf(_SC_CLK_TCK);
	char line[1024];

	file_read("/proc/stat", line, sizeof(line));
	sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle,
	       &wait, &irq, &softirq);
	text_add(text, ",\"cpu_system_ms\":%.3f", (double)(system + irq + softirq) * tick_ms);
	text_add(text, ",\"cpu_user_ms\":%.3f", (double)(user + nice) * tick_ms);
}

void stats_write(struct text *text, const struct stats_selection *selection)
{
	text_add(text, "{\"taken_at_ms\":%.3f", boottime_ms());
	add_partitions(text, selection);
	add_memory(text);
	add_vmstat(text);
	add_pressure(text);
	add_cpu(text);
	text_add(text, "}");
}
