"""Two VMs on their TAP devices, whose kernels send whatever they like; prints who heard what.

Arguments: the two devices, then as many frames as there are: SENDER:HEX. A listener on the bridge
hears what goes out of it.
"""

import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
QUIET_S = 0.5


def opened(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


names = sys.argv[1:4]
taps = [opened(name) for name in names]
# A device has its carrier when it is open.
time.sleep(QUIET_S)
for frame in sys.argv[4:]:
    sender, text = frame.split(":")
    os.write(taps[int(sender)], bytes.fromhex(text))
    end = time.monotonic() + QUIET_S
    heard = set()
    while time.monotonic() < end:
        ready, _, _ = select.select(taps, [], [], 0.05)
        for fd in ready:
            if os.read(fd, 65536).hex() == text:
                heard.add(taps.index(fd))
    print(",".join(str(index) for index in sorted(heard)) or "nobody")
