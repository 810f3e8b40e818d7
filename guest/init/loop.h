/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_LOOP_H
#define HOTPLANE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/*
 * The one event loop. Nothing in the init blocks: work that waits is a watch here or a forked
 * child. A watch may be removed from inside any callback; its memory must outlive the round.
 */
struct watch {
	int fd;
	bool added;
	void (*ready)(struct watch *watch, uint32_t events);
};

void loop_setup(void);
/* Takes @fd over; 0 or -errno. */
int watch_add(struct watch *watch, int fd, uint32_t events,
	      void (*ready)(struct watch *watch, uint32_t events));
void watch_change(struct watch *watch, uint32_t events);
/* Closes the file too. Harmless when not added. */
void watch_remove(struct watch *watch);

/* The next round comes after at most @ms, events or not. Forgotten after each round. */
void loop_wake_within(int ms);
/* Waits for events and serves them, once. */
void loop_round(void);
/* For how long nothing has happened. */
double loop_quiet_ms(void);

#endif
