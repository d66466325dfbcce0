"""`make fuzz MINUTES=…`: atheris on every reader in turn; what breaks one is kept in the corpus of tests.

A reader may return or raise UserError. Other exceptions, signals, more than `SECONDS` and more than `MEGABYTES` are
findings. Fuzzing begins from the corpus and goes on from inputs of earlier runs, which `build/fuzz` has.
`python tests/hostile/fuzz.py READER SECONDS` fuzzes one reader.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
KEPT = Path("build/fuzz")
SECONDS = 20  # for one input
MEGABYTES = 3000  # of the process
LONGEST = 50_000  # bytes of an input


def main() -> int:
    """Fuzz one reader, or all; 1 if something was found."""
    if len(sys.argv) == 3:
        return one(sys.argv[1], int(sys.argv[2]))
    sys.path.insert(0, str(Path(__file__).parent))
    from readers import READERS

    seconds = max(5, round(60 * float(sys.argv[1]) / len(READERS)))
    found = False
    print("| reader | executions | findings |\n|---|---:|---|", flush=True)
    for name in READERS:
        command = [sys.executable, __file__, name, str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        runs = re.findall(r"^#(\d+)\s", done.stderr, re.MULTILINE)
        what = "none"
        if done.returncode:
            found = True
            named = re.compile(r"[\w.]*(Error|Exception)\b|==\d")
            lines = [line for line in done.stderr.splitlines() if named.match(line)]
            what = lines[-1] if lines else done.stderr[-200:].replace("\n", " ")
        print(f"| {name} | {int(runs[-1]) if runs else 0:,} | {what[:150]} |", flush=True)
    return int(found)


def one(name: str, seconds: int) -> int:
    """Fuzz one reader in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["alphanet"], enable_loader_override=False):
        sys.path.insert(0, str(Path(__file__).parent))
        from readers import READERS, seed_of, survives
    reader = READERS[name]
    kept, place = KEPT / name, Path(tempfile.mkdtemp(prefix="alphanet-fuzz-"))
    for folder in (kept, CORPUS / name):
        folder.mkdir(parents=True, exist_ok=True)
    (kept / "seed").write_bytes(seed_of(reader))
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={CORPUS / name}/",
    ]
    atheris.Setup(
        [sys.argv[0], *options, str(kept), str(CORPUS / name)], lambda data: survives(reader, data, place) and None
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
