# Cuts the power of one ext4 file system: `power-switch.py <mount point> <store>`. It is up from the start, so that the
# cut comes at once when a line arrives on its input: "stir <seed>" writes a random part of what the store's files have
# in memory to the disk first, in no order; "cut" drops all that is not on the disk and fails every later write,
# and says when that began, on the monotonic clock.

import ctypes
import fcntl
import os
import random
import struct
import sys
import time

mount_point, store = sys.argv[1:]
EXT4_IOC_SHUTDOWN = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125
NO_LOG_FLUSH = 2
WAIT_BEFORE_WRITE_WAIT_AFTER = 7
STIR_BYTES = 4096
libc = ctypes.CDLL(None, use_errno=True)


def stir(rng):
    for suffix in ("-wal", "", "-flight", "-lock"):
        try:
            file = os.open(store + suffix, os.O_RDONLY)
        except FileNotFoundError:
            continue
        pages = os.fstat(file).st_size // STIR_BYTES + 1
        # Whole up to some page, and with holes from there on.
        whole = rng.randrange(pages)
        chosen = list(range(whole)) + [page for page in range(whole, pages) if rng.random() < 0.5]
        for page in rng.sample(chosen, len(chosen)):
            offset = ctypes.c_int64(page * STIR_BYTES)
            libc.sync_file_range(file, offset, ctypes.c_int64(STIR_BYTES), WAIT_BEFORE_WRITE_WAIT_AFTER)
        os.close(file)
    # Has the file system commit the sizes and places of what was just written.
    other = os.open(os.path.join(mount_point, "stirred"), os.O_CREAT | os.O_WRONLY)
    os.write(other, b"x")
    os.fsync(other)
    os.close(other)


# Anywhere else the cut would take down the file system of this machine.
if not os.path.ismount(mount_point):
    sys.exit("not a mount point: " + mount_point)
root = os.open(mount_point, os.O_RDONLY)
if os.fstat(root).st_dev == os.stat(os.path.join(mount_point, "..")).st_dev:
    sys.exit("not a file system of its own: " + mount_point)
print("ready", flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == "stir":
        stir(random.Random(int(rest[0])))
    else:
        cut_at = time.monotonic_ns()
        fcntl.ioctl(root, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        print("cut", cut_at, flush=True)
        break
