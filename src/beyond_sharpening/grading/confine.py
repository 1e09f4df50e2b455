"""Run as a script in a process of its own: give up everything a program needs not, then run it.

Reads ``{"program", "token", "seconds", "memory"}`` as JSON from its standard input and writes the token into the pipe
whose number is its argument when the program has run to its end. Nothing of the project is imported here.

What is given up, for good and for every process that might follow: the network, new processes and signals to others
(seccomp), files beyond Python's own to read and beyond the working folder to write (Landlock), and time, memory, size
and number of files beyond a limit (rlimits).
"""

import ctypes
import json
import os
import platform
import resource
import struct
import sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)

# Numbers of system calls by machine; see the kernel's tables (arch/x86/entry/syscalls, include/uapi/asm-generic).
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
DENIED = {
    "x86_64": {
        "socket": 41,
        "socketpair": 53,
        "clone": 56,
        "fork": 57,
        "vfork": 58,
        "execve": 59,
        "kill": 62,
        "ptrace": 101,
        "tkill": 200,
        "tgkill": 234,
        "unshare": 272,
        "setns": 308,
        "execveat": 322,
        "mount": 165,
        "bpf": 321,
    },
    "aarch64": {
        "socket": 198,
        "socketpair": 199,
        "clone": 220,
        "execve": 221,
        "kill": 129,
        "ptrace": 117,
        "tkill": 130,
        "tgkill": 131,
        "unshare": 97,
        "setns": 268,
        "execveat": 281,
        "mount": 40,
        "bpf": 280,
    },
}
EVERYWHERE = {"clone3": 435, "pidfd_send_signal": 424, "io_uring_setup": 425, "process_vm_writev": 311}
EVERYWHERE_ON = {"aarch64": {"process_vm_writev": 271}}
X32 = 0x40000000  # the first number of x86's other calling convention

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # of Landlock
READ = 1 << 2 | 1 << 3
EPERM, NO_NEW_PRIVILEGES, SECCOMP = 1, 38, 22
FILES, FILE_BYTES = 32, 10 << 20


def missing() -> str | None:
    """What this platform lacks of what a program is confined with; None where it lacks nothing."""
    if platform.system() != "Linux" or platform.machine() not in AUDIT:
        here = f"{platform.system()} {platform.machine()}"
        return f"programs are confined on Linux (x86_64, aarch64) alone, not on {here}"
    if LIBC.syscall(CREATE_RULESET, None, 0, 1) < 1:
        return "this kernel has no Landlock (Linux 5.13, and lsm=landlock), which keeps a program from files"
    return None


def confine(seconds: int, memory: int) -> None:
    """Give up all of it; raises an OSError where the kernel refuses."""
    for limit, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    _demand(LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _leave_files()
    _leave_calls()


def _leave_files() -> None:
    version = LIBC.syscall(CREATE_RULESET, None, 0, 1)
    handled = (1 << (13 + (version >= 2) + (version >= 3))) - 1
    attribute = struct.pack("Q", handled)
    rules = _demand(LIBC.syscall(CREATE_RULESET, attribute, len(attribute), 0))
    readable = [(folder, READ) for folder in (sys.prefix, sys.base_prefix, "/usr/lib") if Path(folder).is_dir()]
    for folder, allowed in (*readable, (".", handled & ~1)):
        place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        _demand(LIBC.syscall(ADD_RULE, rules, 1, struct.pack("=Qi", allowed, place), 0))
        os.close(place)
    _demand(LIBC.syscall(RESTRICT_SELF, rules, 0))
    os.close(rules)


def _leave_calls() -> None:
    machine = platform.machine()
    denied = sorted({**EVERYWHERE, **EVERYWHERE_ON.get(machine, {}), **DENIED[machine]}.values())
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    refuse, allow, kill = 0x00050000 | EPERM, 0x7FFF0000, 0x80000000
    lines = [(load, 0, 0, 4), (equal, 1, 0, AUDIT[machine]), (give, 0, 0, kill), (load, 0, 0, 0)]
    lines += [(at_least, len(denied) + 1, 0, X32)]
    lines += [(equal, len(denied) - place, 0, number) for place, number in enumerate(denied)]
    lines += [(give, 0, 0, allow), (give, 0, 0, refuse)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code))
    _demand(LIBC.prctl(SECCOMP, 2, program, 0, 0))


def _demand(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def main(pipe: int) -> None:
    """Confine this process, run the program, and say so if it came to its end."""
    asked = json.load(sys.stdin)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    confine(asked["seconds"], asked["memory"])
    os.write(pipe, b"confined ")
    exec(compile(asked["program"], "program", "exec"), {"__name__": "__main__"})
    os.write(pipe, asked["token"].encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
