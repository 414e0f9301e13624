"""What lies between the nodes of a test network: a bridge, and for each node a network namespace on it. Pairs of nodes may hear nothing of
each other, and all packets may come late, in another order, or not at all: by netem where the kernel has it, else by a switch of the
test's own, which takes each node's packets from a TUN device. Needs a network namespace in which the caller is root.

As a program it is that switch: wire.py SEED DESCRIPTOR…, until its standard input ends; then it says "CARRIED LOST".
"""

import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import re
import select
import socket
import subprocess
import sys
import time

HOST = "10.77.0."
LOSS, DELAY, JITTER = 0.03, 0.030, 0.010  # of packets; seconds
PACKET_MAX = 65536
NETWORK_NAMESPACE = 0x40000000  # CLONE_NEWNET

# A changed root allows no user namespaces; root without the right to make others needs one. The first that works.
NAMESPACES = [["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]]
NEEDED = "ip link set lo up && ip link add type bridge && ip link add type veth && ip route add blackhole 10.77.0.1/32"
INSIDE = "CARELEDGER_INSIDE_NAMESPACE"


def need_namespaces(program, arguments):
    """Starts the test again with networks of its own, as root or as root of a user namespace, so that it touches no other. Ends it with 77
    where the kernel allows no such namespace."""
    if INSIDE in os.environ:
        return
    works = [way for way in NAMESPACES if subprocess.run([*way, "sh", "-c", NEEDED], capture_output=True, check=False).returncode == 0]
    if not works:
        print("skipped: this machine lets nobody make networks in namespaces of his own")
        sys.exit(77)
    os.execvpe("unshare", [*works[0], sys.executable, "-B", os.path.abspath(program), *arguments], {**os.environ, INSIDE: "1"})


def run(*words, inside=None):
    lead = ["nsenter", "--target", str(inside.pid), "--net"] if inside else []
    return subprocess.run([*lead, *map(str, words)], check=True, capture_output=True, text=True).stdout


def ip(*words, inside=None):
    run("ip", *words, inside=inside)


def enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace.fileno(), NETWORK_NAMESPACE) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def within(path):
    with open("/proc/thread-self/ns/net", "rb") as here, open(path, "rb") as there:
        enter(there)
        try:
            yield
        finally:
            enter(here)


class Netem:
    """The kernel's own loss and delay, at each node's end of the wire. It knows no seed."""

    name = "netem"

    def __init__(self, wire):
        self.holders = wire.holders
        for holder in self.holders:
            run("tc", "qdisc", "add", "dev", "eth0", "root", "netem", "delay", f"{DELAY * 1000:.0f}ms", f"{JITTER * 1000:.0f}ms", "loss",
                f"{LOSS * 100:.0f}%", inside=holder)

    def end(self):
        lost = 0
        for holder in self.holders:
            lost += int(re.search(r"dropped (\d+)", run("tc", "-s", "qdisc", "show", "dev", "eth0", inside=holder)).group(1))
            run("tc", "qdisc", "delete", "dev", "eth0", "root", inside=holder)
        return lost


class Switch:
    """Routes lead every packet from one node to another through a device whose other end is a program."""

    name = "a switch of the test's own"
    MAKE, FLAGS = 0x400454CA, 0x1001  # TUNSETIFF; IFF_TUN | IFF_NO_PI

    def __init__(self, wire, seed):
        """OSError: there are no such devices, or not for us."""
        devices = []
        try:
            for index in range(wire.count):
                devices.append(self.make_device(f"tun{index}"))
            self.carrier = subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), str(seed), *map(str, devices)],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=devices, text=True)
        finally:
            for device in devices:
                os.close(device)
        try:
            self.lead(wire)
        except BaseException:
            self.end()
            raise

    @staticmethod
    def lead(wire):
        for index, holder in enumerate(wire.holders):
            ip("link", "set", f"tun{index}", "netns", holder.pid)
            ip("link", "set", f"tun{index}", "up", inside=holder)
        for one, other in itertools.permutations(range(wire.count), 2):
            ip("route", "add", address_of(other) + "/32", "dev", f"tun{one}", "src", address_of(one), inside=wire.holders[one])

    @classmethod
    def make_device(cls, name):
        device = os.open("/dev/net/tun", os.O_RDWR)
        try:
            fcntl.ioctl(device, cls.MAKE, name.encode().ljust(16, b"\0") + cls.FLAGS.to_bytes(2, sys.byteorder) + bytes(22))
        except OSError:
            os.close(device)
            raise
        return device

    def end(self):
        said, _ = self.carrier.communicate()  # the devices end with it, and the routes with them
        if self.carrier.returncode != 0:
            raise AssertionError(f"the switch ended with {self.carrier.returncode}")
        return int(said.split()[1])


def address_of(index):
    return f"{HOST}{index + 1}"


class Wire:
    def __init__(self, count, port, add_cleanup):
        self.count = count
        self.blocked = set()
        self.worse = None
        here = open("/proc/thread-self/ns/net", "rb")  # where the bridge is, wherever the test goes
        add_cleanup(here.close)
        self.home = f"/proc/self/fd/{here.fileno()}"
        self.name = f"net{port}"  # of this network alone: the kernel takes away what is no more used when it likes
        ip("link", "add", self.name, "type", "bridge")
        add_cleanup(ip, "link", "delete", self.name)
        ip("link", "set", self.name, "up")
        self.holders = [self.add(add_cleanup, index) for index in range(count)]
        add_cleanup(self.mend)

    def add(self, add_cleanup, index):
        holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        add_cleanup(holder.wait)
        add_cleanup(holder.stdout.close)
        add_cleanup(holder.stdin.close)
        holder.stdout.readline()
        ip("link", "add", f"{self.name}.{index}", "type", "veth", "peer", "name", "eth0", "netns", holder.pid)
        ip("link", "set", f"{self.name}.{index}", "master", self.name, "up")
        ip("address", "add", address_of(index) + "/24", "dev", "eth0", inside=holder)
        ip("link", "set", "eth0", "up", inside=holder)
        ip("link", "set", "lo", "up", inside=holder)
        return holder

    def enter(self, index):
        return ["nsenter", "--target", str(self.holders[index].pid), "--net"]

    def at(self, index):
        """What this thread does, and what it starts, happens on this node's machine as long as this holds."""
        return within(f"/proc/{self.holders[index].pid}/ns/net")

    def plug(self, index, state="up"):
        with within(self.home):
            ip("link", "set", f"{self.name}.{index}", state)

    def unplug(self, index):
        """Its link is down, as when a cable is pulled: whoever is on this machine still reaches it, and nobody else."""
        self.plug(index, "down")

    def block(self, pairs):
        """These pairs, and no others, hear nothing of each other: by routes, a blackhole at both ends. Not while the wire is worsened."""
        assert self.worse is None
        wanted = {tuple(sorted(pair)) for pair in pairs}
        for verb, changed in (("delete", self.blocked - wanted), ("add", wanted - self.blocked)):
            for one, other in changed:
                ip("route", verb, "blackhole", address_of(other) + "/32", inside=self.holders[one])
                ip("route", verb, "blackhole", address_of(one) + "/32", inside=self.holders[other])
        self.blocked = wanted

    def worsen(self, seed):
        """Loss and delay for all, until mend(); says by what. None: this machine has neither."""
        assert self.worse is None and not self.blocked
        try:
            self.worse = Netem(self)
        except subprocess.CalledProcessError:  # the kernel does not know it
            try:
                self.worse = Switch(self, seed)
            except OSError:
                return None
        return self.worse.name

    def mend(self):
        """How many packets were lost on purpose."""
        worse, self.worse = self.worse, None
        return worse.end() if worse else 0


def carry(seed, devices):
    """Packets from one device to the one whose node they are for, each after a time of its own, but for those that are lost."""
    choice = random.Random(seed)
    where = {socket.inet_aton(address_of(index)): device for index, device in enumerate(devices)}
    waiting, carried, lost = [], 0, 0
    while True:
        wait = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([sys.stdin, *devices], [], [], wait)
        if sys.stdin in ready:
            return carried, lost
        for device in ready:
            packet = os.read(device, PACKET_MAX)
            to = where.get(packet[16:20]) if packet[0] >> 4 == 4 else None  # nobody here speaks anything but IPv4
            if to is None:
                continue
            if choice.random() < LOSS:
                lost += 1
                continue
            carried += 1
            heapq.heappush(waiting, (time.monotonic() + DELAY + choice.uniform(-JITTER, JITTER), carried, to, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(waiting)
            os.write(to, packet)


if __name__ == "__main__":
    print(*carry(int(sys.argv[1]), list(map(int, sys.argv[2:]))))
