#!/bin/sh
# ROOT WORK: in fresh namespaces, systemd as the first process of a machine of its own: the system
# in the folder ROOT below a layer in memory, mounted in the folder WORK.
set -e
root=$1 work=$2
mount --make-rprivate /
mount -t tmpfs -o size=3g tmpfs "$work"
mkdir "$work/up" "$work/tmp" "$work/new"
mount -t overlay -o "lowerdir=$root,upperdir=$work/up,workdir=$work/tmp" overlay "$work/new"
cd "$work/new"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
	touch "dev/$name"
	mount --bind "/dev/$name" "dev/$name"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
# Loopback is all the network there is.
ip link set lo up || true
mkdir -p old
pivot_root . old
exec chroot . /bin/sh -c 'umount -l /old; exec env -i container=other \
	PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=null --show-status=false'
