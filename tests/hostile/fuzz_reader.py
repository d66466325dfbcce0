"""Atheris on one reader: `python tests/hostile/fuzz_reader.py READER SECONDS EXECUTIONS`; libFuzzer ends the process.

An execution takes a fraction of a millisecond because nothing else is done in it: what readers import and build once
is there before the first, messages are not formatted, and the collector of garbage leaves alone what was there.
Coverage is that of this project and of ASE, whose readers it calls.
"""

import gc
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
KEPT = Path("build/fuzz")
GUIDING = ["alphanet", "ase", "ase_db_backends"]  # packages whose coverage guides the search
UNGUIDED = ["ase.io.formats"]  # compares each file with a hundred names and beginnings, whatever it holds
SECONDS = 20  # for one input
MEGABYTES = 3000  # of the process
LONGEST = 4096  # bytes of an input, or twice the honest file


def main(name: str, seconds: str, executions: str) -> None:
    """Fuzz the reader `name` until one of both is used up; executions may be -1, without a limit."""
    logging.disable()
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(HERE))
    place = Path(tempfile.mkdtemp(prefix="alphanet-fuzz-"))
    with atheris.instrument_imports(include=GUIDING, exclude=UNGUIDED, enable_loader_override=False):
        from readers import READERS, seed_of, survives

        reader = READERS[name]
        seed = seed_of(reader)
        survives(reader, seed, place)
    kept, found = KEPT / name, CORPUS / name
    for folder in (kept, found):
        folder.mkdir(parents=True, exist_ok=True)
    (kept / "seed").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-runs={executions}",
        f"-timeout={SECONDS}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={max(LONGEST, 2 * len(seed))}",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
    ]
    gc.collect()
    gc.freeze()
    atheris.Setup([sys.argv[0], *options, str(kept), str(found)], lambda data: survives(reader, data, place) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
