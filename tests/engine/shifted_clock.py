"""Runs a program whose wall clock is wrong by so many seconds: shifted_clock.py SECONDS PROGRAM [ARGUMENT…]

Programs ask the kernel's code in their own memory (the vDSO) for the time, those in Go too, which no preloaded library reaches. Here that
code is written over, in this one process and before its first instruction: it makes the system call and adds the seconds. Clocks that only
count are left alone. The process stays the one that was started; what it runs itself has a right clock again. For x86-64; where nobody may
trace a process, it ends with 77.
"""

import ctypes
import errno
import os
import platform
import shlex
import signal
import sys

SEIZE, DETACH, CONTINUE, TRACE_EXEC = 0x4206, 17, 7, 0x10
AT_EXEC = signal.SIGTRAP | 4 << 8  # of a stop: the program is there, and has not begun
SET_TRACER, ANY = 0x59616D61, ctypes.c_ulong(-1)  # prctl, where only parents may trace
WALL = 0x40000000  # of waitpid: also who is no child
libc = ctypes.CDLL(None, use_errno=True)


def trace(what, pid, data=0):
    if libc.ptrace(what, pid, None, ctypes.c_void_p(data)) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def code(seconds):
    """By the function's name: the system call, and the seconds added to what it gives."""
    more = seconds.to_bytes(4, "little", signed=True)
    ending = b"\xc3"
    return {
        # mov eax, 228; syscall; test edi, edi; jnz to the end; add qword [rsi], seconds
        "__vdso_clock_gettime": b"\xb8\xe4\0\0\0\x0f\x05\x85\xff\x75\x07\x48\x81\x06" + more + ending,
        # mov eax, 96; syscall; test rdi, rdi; jz to the end; add qword [rdi], seconds
        "__vdso_gettimeofday": b"\xb8\x60\0\0\0\x0f\x05\x48\x85\xff\x74\x07\x48\x81\x07" + more + ending,
        # mov eax, 201; syscall; add rax, seconds; test rdi, rdi; jz to the end; mov [rdi], rax
        "__vdso_time": b"\xb8\xc9\0\0\0\x0f\x05\x48\x05" + more + b"\x48\x85\xff\x74\x03\x48\x89\x07" + ending,
    }


def base(pid):
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        return next(int(line.split("-")[0], 16) for line in maps if line.endswith("[vdso]\n"))


def shift(pid, seconds):
    library = ctypes.CDLL("linux-vdso.so.1")  # every process has the same one, each somewhere else
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        for name, instructions in code(seconds).items():
            memory.seek(ctypes.cast(getattr(library, name), ctypes.c_void_p).value - base(os.getpid()) + base(pid))
            memory.write(instructions)


def watch(pid, seconds, tell):
    """In a process that nobody waits for: lets the traced one come to its program's beginning, changes it, and is gone."""
    try:
        trace(SEIZE, pid, TRACE_EXEC)
    except OSError as error:
        os.write(tell, bytes([error.errno]))
        return
    os.write(tell, bytes([0]))
    while (status := os.waitpid(pid, WALL)[1]) >> 8 != AT_EXEC:
        if not os.WIFSTOPPED(status):
            return
        trace(CONTINUE, pid, os.WSTOPSIG(status))  # a signal on its way
    try:
        shift(pid, seconds)
    except BaseException:
        os.kill(pid, signal.SIGKILL)  # a program with a right clock is not what was asked for
        raise
    trace(DETACH, pid)


def wrapped(folder, program, seconds):
    """A program in this folder that is the other one with so wrong a clock."""
    path = os.path.join(folder, f"{os.path.basename(program)}{seconds:+d}")
    words = [sys.executable, "-B", os.path.abspath(__file__), str(seconds), program]
    with open(path, "w", encoding="utf-8") as script:
        script.write(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    os.chmod(path, 0o700)
    return path


def refuse(why):
    print(f"no clock can be shifted: {why}", file=sys.stderr)
    sys.exit(77)


def main(seconds, program):
    if platform.machine() != "x86_64":
        refuse("this is no x86-64")
    heard, tell = os.pipe()
    libc.prctl(SET_TRACER, ANY, 0, 0, 0)
    pid = os.getpid()
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            watch(pid, seconds, tell)
        os._exit(0)
    os.waitpid(child, 0)
    if failed := os.read(heard, 1)[0]:
        refuse(f"nobody may trace a process here ({errno.errorcode[failed]})")
    os.execv(program[0], program)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
