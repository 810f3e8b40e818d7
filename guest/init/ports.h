/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_PORTS_H
#define HOTPLANE_PORTS_H

/* Opens the virtio-serial port of that name, non-blocking. Returns the file or -errno. */
int port_open_serial(const char *name);

/* Listens on a vsock port. Returns the file or -errno. */
int port_listen_vsock(unsigned int port);

/* Accepts the next connection of the host; anybody else is turned away. */
int port_accept_vsock(int listener);

#endif
