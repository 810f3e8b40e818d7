// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/protocol_constants.h"
#include "../common/text.h"
#include "channel.h"
#include "files.h"
#include "hotmem.h"
#include "reply.h"

#define INIT_VERSION "hotplane-init 0.2.0"

void reply_attached(uint64_t id, const char *result, size_t result_length, const char *mark,
		    size_t length)
{
	static char line[PROTOCOL_LINE_BYTES];
	struct text text;

	text_init(&text, line, sizeof(line) - length);
	text_add(&text, "{\"id\":%" PRIu64 ",\"ok\":true,\"result\":", id);
	text_add_bytes(&text, result, result_length);
	text_add(&text, "}");
	if (text.overflow)
		reply_error(id, "reply-too-long", "the answer does not fit into one line");
	else
		channel_send_attached(line, text.used, mark, length);
}

void reply_result(uint64_t id, const char *result, size_t length)
{
	reply_attached(id, result, length, "", 0);
}

void event_chunk(uint64_t of, const char *mark, size_t length)
{
	char line[64];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"chunk\",\"of\":%" PRIu64 "}", of);
	channel_send_attached(line, text.used, mark, length);
}

void event_credit(uint64_t of, uint64_t bytes)
{
	char line[128];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"credit\",\"of\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", of, bytes);
	channel_send(line, text.used);
}

void reply_error(uint64_t id, const char *code, const char *message)
{
	char line[8 * PROTOCOL_ERROR_MESSAGE_BYTES];
	char clipped[PROTOCOL_ERROR_MESSAGE_BYTES];
	struct text text;

	snprintf(clipped, sizeof(clipped), "%s", message);
	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"id\":%" PRIu64 ",\"ok\":false,\"code\":", id);
	text_add_json(&text, code);
	text_add(&text, ",\"message\":");
	text_add_json(&text, clipped);
	text_add(&text, "}");
	channel_send(line, text.used);
}

void event_log(const char *instance, const char *stream, uint64_t dropped, const char *mark,
	       size_t length)
{
	char line[1024];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"log\",\"instance\":");
	text_add_json(&text, instance);
	text_add(&text, ",\"stream\":\"%s\",\"dropped_bytes\":%" PRIu64 "}", stream, dropped);
	channel_send_attached(line, text.used, mark, length);
}

static void add_int_or_null(struct text *text, const char *key, int value)
{
	if (value < 0)
		text_add(text, ",\"%s\":null", key);
	else
		text_add(text, ",\"%s\":%d", key, value);
}

void event_exit(const char *instance, int status, int signal, const char *reason, const char *ran)
{
	char line[2048];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"exit\",\"instance\":");
	text_add_json(&text, instance);
	add_int_or_null(&text, "status", status);
	add_int_or_null(&text, "signal", signal);
	text_add(&text, ",\"reason\":\"%s\",\"ran\":", reason);
	if (*ran)
		text_add_json(&text, ran);
	else
		text_add(&text, "null");
	text_add(&text, ",\"at_ms\":%.3f}", boottime_ms());
	channel_send(line, text.used);
}

/* Our kernels leave it off unless told otherwise. */
static const char *init_on_alloc(void)
{
	char arguments[4096];
	const char *found;

	file_read("/proc/cmdline", arguments, sizeof(arguments));
	found = strstr(arguments, "init_on_alloc=");
	if (!found)
		return "false";
	found += strlen("init_on_alloc=");
	return *found == '1' || *found == 'y' || !strncmp(found, "on", 2) ? "true" : "false";
}

void hello_write(struct text *text)
{
	uint64_t block_bytes = 0;
	struct utsname kernel;
	static double boot_ms;

	if (boot_ms == 0)
		boot_ms = boottime_ms();
	uname(&kernel);
	file_read_u64("/sys/devices/system/memory/block_size_bytes", 16, &block_bytes);
	text_add(text, "{\"type\":\"hello\",\"protocol\":[%d,%d],\"kernel\":",
		 PROTOCOL_VERSION_MIN, PROTOCOL_VERSION_MAX);
	text_add_json(text, kernel.release);
	text_add(text, ",\"init\":\"" INIT_VERSION "\",\"vcpus\":%ld,\"page_bytes\":%ld",
		 sysconf(_SC_NPROCESSORS_ONLN), sysconf(_SC_PAGESIZE));
	text_add(text, ",\"memory_block_bytes\":%" PRIu64 ",\"boot_ms\":%.3f", block_bytes,
		 boot_ms);
	text_add(text, ",\"init_on_alloc\":%s,\"hotmem\":%s}", init_on_alloc(),
		 hotmem_present() ? "true" : "false");
}

void event_hello(void)
{
	char line[2048];
	struct text text;

	text_init(&text, line, sizeof(line));
	hello_write(&text);
	channel_send(line, text.used);
}
