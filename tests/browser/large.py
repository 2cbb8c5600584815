#!/usr/bin/env python3
"""Writes a root file system of a million entries as a tar archive to standard output: commands and documentation that go, by
packages and by nobody, data that stays, set-id bits, and a few directories that hold most of it."""
import sys

NAMES = 1_000_000
out = sys.stdout.buffer


def entry(path, kind=b"0", mode=0o644, content=b"", ids=0):
    size = 0 if kind == b"5" else len(content)
    head = b"".join((
        path.encode().ljust(100, b"\0"), b"%07o\0" % mode, b"%07o\0" % ids, b"%07o\0" % ids, b"%011o\0" % size, b"%011o\0" % 1_600_000_000,
        b"        ", kind, b"\0" * 100, b"ustar\0" b"00", b"\0" * 247))
    head = head[:148] + b"%06o\0 " % sum(head) + head[156:]
    out.write(head + content + b"\0" * (-size % 512))


for directory in ("app", "bin", "etc", "srv", "srv/data", "tmp", "usr", "usr/bin", "usr/share", "usr/share/doc", "var", "var/lib", "var/lib/dpkg",
                  "var/lib/dpkg/info", "var/cache"):
    entry(directory, b"5", 0o755)
entry("app/server", mode=0o755, content=b"#!/usr/bin/tool\n")
entry("usr/bin/tool", mode=0o755, content=b"tool")
entry("etc/passwd", content=b"root:x:0:0:root:/root:/bin/sh\n")
entry("etc/group", content=b"root:x:0:\n")
entry("etc/os-release", content=b"ID=debian\nPRETTY_NAME=\"A million entries\"\n")
packages = 4_000
status = "".join(f"Package: p{at}\nStatus: install ok installed\nVersion: 1\n\n" for at in range(packages))
entry("var/lib/dpkg/status", content=status.encode())
each = NAMES // 10 // packages
for at in range(packages):
    names = [f"usr/bin/p{at}-{number}" for number in range(each)]
    listed = [f"/{name}\n" for name in names] + [f"/usr/share/doc/p{at}/copyright-{number}\n" for number in range(each)]
    entry(f"var/lib/dpkg/info/p{at}.list", content="".join(listed).encode())
    entry(f"usr/share/doc/p{at}", b"5", 0o755)
    for number, name in enumerate(names):
        entry(name, mode=0o4755 if number % 5 == 0 else 0o755, content=b"#!/usr/bin/tool\n" + b"#" * (number % 7 * 30))
        entry(f"usr/share/doc/p{at}/copyright-{number}", content=b"x")
for at in range(NAMES // 10):
    entry(f"usr/bin/nobody-{at}", mode=0o755, content=b"#!/usr/bin/tool\n")
for directory in range(700):
    entry(f"srv/data/d{directory}", b"5", 0o777)
    for number in range(1_000):
        entry(f"srv/data/d{directory}/file-{number}", mode=0o666, ids=directory, content=b"z" if number % 100 == 0 else b"")
out.write(b"\0" * 1024)
