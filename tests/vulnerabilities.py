"""Known vulnerabilities of the locked packages, by pip-audit; the exit code is 1 if there are some, not if offline."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"


def main() -> int:
    """Print a line for each vulnerability, and one that says how many packages were looked up."""
    pins = sorted(set(re.findall(r"^[\w.-]+==[\w.+!-]+", CONSTRAINTS.read_text(), re.MULTILINE)))
    found, looked_up = [], 0
    for group in _without_repeats(pins):
        done = _audited(group)
        try:
            packages = [package for package in json.loads(done.stdout)["dependencies"] if "vulns" in package]
        except (ValueError, KeyError):
            said = (done.stderr.splitlines() or ["no answer"])[-1]
            print(f"vulnerabilities: not looked up, perhaps offline: {said}")
            return 0
        looked_up += len(packages)
        found += [(package, known) for package in packages for known in package["vulns"]]
    if not looked_up:
        print(f"vulnerabilities: not looked up: no record of any of {len(pins)} locked packages, perhaps offline")
        return 0
    for package, known in found:
        fixed = ", ".join(known["fix_versions"]) or "nowhere yet"
        print(f"{package['name']} {package['version']}: {known['id']}, mended in {fixed}; run make lock")
    print(f"vulnerabilities: {len(found)} known in {looked_up} packages, of {len(pins)} that are locked")
    return int(bool(found))


def _without_repeats(pins: list[str]) -> list[list[str]]:
    """The pins in lists that name a package once: the lock has other versions for other Pythons."""
    groups: list[dict[str, str]] = []
    for pin in pins:
        name = pin.partition("==")[0]
        group = next((group for group in groups if name not in group), None)
        if group is None:
            groups.append(group := {})
        group[name] = pin
    return [list(group.values()) for group in groups]


def _audited(pins: list[str]) -> subprocess.CompletedProcess[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:  # without hashes: some of the lock have none
        file.write("\n".join(pins))
        file.flush()
        command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
        command += ["--disable-pip", "--no-deps", "--requirement", file.name]
        return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
