"""The package installed on a machine that systemd runs, in namespaces of its own: the units as they are, with every wall around them.
Usage: boot_test.py CARELEDGER COMETBFT PACKAGE. Exit 77 where no such machine can be made."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = os.path.abspath(sys.argv[3])
del sys.argv[1:4]

BEGIN = """set -x
dpkg --install /share/*.deb
systemctl start systemd-journald.socket systemd-journald.service dbus.service
"""
END = """
journalctl --no-pager --unit 'careledger@*' > /share/journal
echo all is done
systemctl poweroff --force
"""
WAITED = "curl --silent --fail --retry 200 --retry-delay 1 --retry-max-time 90 --retry-all-errors http://{}/readyz"

ALONE = """
careledger-admin north init DIR --organisation "North Hospital" --port 18480
systemctl start careledger@north; echo started $?
careledger-admin north status DIR; echo status $?
TOKEN=$(careledger-admin north token DIR --organisation "North Hospital")
curl --silent --output /dev/null --write-out 'answered %{http_code}\\n' --header "Authorization: Bearer $TOKEN" \\
  --header 'Content-Type: application/fhir+json' --data '{"resourceType":"Patient"}' http://127.0.0.1:18480/fhir/Patient
grep --extended-regexp 'Seccomp:|CapEff|NoNewPrivs|VmLck' /proc/$(systemctl show --property MainPID --value careledger@north)/status
stat --format '%n %U %a' /var/lib/careledger/north /etc/careledger/north.key
careledger-admin north backup DIR --data /var/lib/careledger-backup/north/data --keys /var/lib/careledger-backup/north/keys
echo backed up $?
careledger-admin north backup --verify --data /var/lib/careledger-backup/north/data --keys /var/lib/careledger-backup/north/keys DIR
echo verified $?
systemctl stop careledger@north; echo stopped $? $(systemctl show --property Result --value careledger@north)
(umask 077; head -c 32 /dev/urandom > /etc/careledger/north.key.new)
careledger-admin north keys reseal DIR --new-credential careledger.new; echo resealed $?
mv /etc/careledger/north.key.new /etc/careledger/north.key
careledger-admin north audit DIR; echo audited $?
"""

TOGETHER = """
members="1 2 3 4"
for n in $members; do
  careledger-admin n$n network describe DIR --network Region --organisation "Member $n" --epoch-ms 1000 --listen 127.0.1.$n:26656 \\
    --api https://127.0.1.$n:8443 > /dev/null
  install --mode 644 /var/lib/careledger/n$n/description.json /srv/n$n.json
  echo "CARELEDGER_OPTIONS=--address 127.0.1.$n" > /etc/careledger/n$n.env
done
for n in $members; do careledger-admin n$n network found DIR /srv/n*.json > /dev/null; done
systemctl start careledger@n1 careledger@n2 careledger@n3 careledger@n4; echo all four started $?
""" + WAITED.format("127.0.1.1:8443") + """; echo a quorum $?
grep --extended-regexp --no-filename 'Seccomp:|CapEff|NoNewPrivs' $(pgrep cometbft | sed 's#.*#/proc/&/status#')
careledger-admin n1 keys timestamp-authority DIR --organisation "Member 1"
careledger-admin n1 checkpoint DIR --organisation "Member 1" -o /tmp/note --timestamp /tmp/tsr --authority-out /tmp/pem
openssl ts -verify -data /tmp/note -in /tmp/tsr -CAfile /tmp/pem; echo stamped $?
systemctl kill --kill-whom=main --signal=KILL careledger@n4
""" + WAITED.format("127.0.1.4:8443") + """; echo it came back $?
systemctl show --property NRestarts careledger@n4
systemctl stop 'careledger@*'; echo all stopped $?
pgrep cometbft; echo engines left $?
"""


PROBE = """mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w /mnt/r &&
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r && mount -t cgroup2 cgroup2 /mnt/r/mnt &&
test -d /mnt/r/var/lib/dpkg -a -x /mnt/r/usr/bin/bash -a -x /lib/systemd/systemd -a -x /usr/bin/dbus-daemon"""
NAMESPACES = ["unshare", "--fork", "--kill-child", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--net"]


class Scene:
    """What the machine told, once for all tests."""
    told = journal = ""


def setUpModule():
    share = pathlib.Path(tempfile.mkdtemp(prefix="careledger-boot-"))
    unittest.addModuleCleanup(shutil.rmtree, share)
    shutil.copy(PACKAGE, share)
    (share / "script").write_text(BEGIN + ALONE + TOGETHER + END, encoding="utf-8")
    subprocess.run([*NAMESPACES, "bash", "-c", f"ip link set lo up; exec bash '{ROOT}/tests/package/machine.sh' '{share}' script"],
                   timeout=300, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    for name in ("told", "journal"):
        if (share / name).exists():
            setattr(Scene, name, (share / name).read_text(encoding="utf-8", errors="replace"))
    if "\nall is done\n" not in Scene.told:
        raise AssertionError("the machine did not come to its end:\n" + Scene.told)


class Booted(unittest.TestCase):
    def part(self, first, last):
        """What was told from one line to another."""
        self.assertRegex(Scene.told, rf"(?ms)^{first}$.*^{last}$", Scene.journal)
        return re.search(rf"(?ms)^{first}$.*^{last}$", Scene.told).group()

    def expect_walls(self, told, processes):
        for wall in (r"NoNewPrivs:\s+1", r"Seccomp:\s+2", r"CapEff:\s+0000000000000000"):
            self.assertEqual(len(re.findall(f"(?m)^{wall}$", told)), processes, told)

    def test_a_node_serves_inside_the_unit_s_walls_and_stops_in_order(self):
        told = self.part("started 0", "audited 0")
        for line in ("status 0", "answered 201", "/var/lib/careledger/north careledger 700", "/etc/careledger/north.key root 600",
                     "backed up 0", "verified 0", "stopped 0 success", "resealed 0"):
            self.assertIn(f"\n{line}\n", told, Scene.journal)
        self.expect_walls(told, 1)
        self.assertGreater(int(re.search(r"VmLck:\s+(\d+) kB", told).group(1)), 0, "keys are locked into memory")

    def test_four_members_and_their_engines_run_inside_them_too(self):
        told = self.part("all four started 0", "engines left 1")
        for line in ("stamped 0", "NRestarts=1", "all stopped 0"):
            self.assertIn(f"\n{line}\n", told, Scene.journal)
        for line in ("a quorum 0", "it came back 0"):  # behind what curl wrote
            self.assertIn(line + "\n", told, Scene.journal)
        self.expect_walls(told, 4)


if __name__ == "__main__":
    probed = subprocess.run([*NAMESPACES, "sh", "-c", PROBE], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if probed.returncode != 0:
        print(f"no machine of its own can be made here (root, namespaces, overlays, control groups, systemd, dbus): {probed.stderr}")
        sys.exit(77)
    unittest.main()
