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
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:  # without hashes: some of the lock have none
        file.write("\n".join(pins))
        file.flush()
        command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
        command += ["--disable-pip", "--no-deps", "--requirement", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = [package for package in json.loads(done.stdout)["dependencies"] if "vulns" in package]
    except (ValueError, KeyError):
        print(f"vulnerabilities: not looked up, perhaps offline: {(done.stderr.splitlines() or ['no answer'])[-1]}")
        return 0
    found = [(package, known) for package in packages for known in package["vulns"]]
    for package, known in found:
        fixed = ", ".join(known["fix_versions"]) or "nowhere yet"
        print(f"{package['name']} {package['version']}: {known['id']}, mended in {fixed}; run make lock")
    print(f"vulnerabilities: {len(found)} known in {len(packages)} packages, of {len(pins)} that are locked")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
