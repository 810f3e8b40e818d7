// SPDX-License-Identifier: Apache-2.0
/* Reads `e` or `u`, a length and bytes, again and again; answers a length and the bytes turned. */
#include <stdio.h>
#include <stdlib.h>

#include "../../../guest/common/attached.h"

int main(void)
{
	char how;
	size_t length;

	while (scanf("%c%zu", &how, &length) == 2 && getchar() == '\n') {
		char *bytes = malloc(length + 1), *out = malloc(2 * length + 1);

		if (fread(bytes, 1, length, stdin) != length)
			return 2;
		if (how == 'e') {
			size_t used = attached_escape(out, bytes, length);

			printf("%zu\n", used);
			fwrite(out, 1, used, stdout);
		} else if (attached_unescape(bytes, &length)) {
			printf("%zu\n", length);
			fwrite(bytes, 1, length, stdout);
		} else {
			printf("-\n");
		}
		free(bytes);
		free(out);
	}
	return 0;
}
