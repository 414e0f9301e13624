#!/bin/bash
# machine.sh SHARE SCRIPT: a machine of its own around this one's files, with systemd as its first process, that runs SCRIPT and goes off.
# Nothing that it writes outlives it, but what it writes into /share, which is SHARE here. Run as root by boot_test.py inside namespaces of
# its own (unshare); kernel settings are read-only for it.
set -euo pipefail
share=$1 script=$2
mount --make-rprivate /
stage=/mnt
mount -t tmpfs tmpfs "$stage"
mkdir "$stage/written" "$stage/work" "$stage/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$stage/written,workdir=$stage/work" "$stage/root"
cd "$stage/root"

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs sys/fs
mkdir sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty ptmx; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm dev/pts dev/mqueue dev/hugepages share
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs dev/shm
mount --bind "$share" share

rm -rf var/lib/careledger etc/careledger
printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/bash /share/%s\n%s\n%s\n' "$script" \
  StandardOutput=append:/share/told StandardError=append:/share/told > etc/systemd/system/trial.service
printf '[Unit]\nWants=trial.service\n' > etc/systemd/system/trial.target
mkdir old
pivot_root . old
umount -l old
mount --make-rshared /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other /lib/systemd/systemd --system --unit=trial.target --show-status=no \
  --log-target=journal-or-kmsg
