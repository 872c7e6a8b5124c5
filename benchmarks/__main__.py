"""`python -m benchmarks [NAME ...]`: run every benchmark, or those whose name contains NAME."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import benchmarks.quality
import benchmarks.speed


def names() -> list[str]:
    """Return the dotted names of all benchmark modules."""
    found = []
    for package in (benchmarks.speed, benchmarks.quality):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            found.append(module.name)
    return found


def main(wanted: list[str]) -> int:
    """Run each chosen module in a process of its own, so that none warms another."""
    failed = []
    for name in names():
        if wanted and not any(word in name for word in wanted):
            continue
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", name], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
