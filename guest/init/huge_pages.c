// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "files.h"
#include "huge_pages.h"

#define ENABLED "/sys/kernel/mm/transparent_hugepage/enabled"

void huge_pages_as_asked(void)
{
	char arguments[4096];
	int error;

	file_read("/proc/cmdline", arguments, sizeof(arguments));
	if (!strstr(arguments, "transparent_hugepage=always"))
		return;
	error = file_write(ENABLED, "always");
	if (error)
		fprintf(stderr, "hotplane-init: " ENABLED ": %s\n", strerror(-error));
}
