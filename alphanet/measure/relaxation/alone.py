"""A structure that may have ended its worker, in a process of its own: `python -m` this module."""

import json
import signal
import subprocess
import sys
from typing import Any

from alphanet.measure.relaxation.crystals import Crystal
from alphanet.measure.relaxation.job import Job, relax_piece, release
from alphanet.measure.relaxation.records import failure


def relax_alone(job: Job, identity: str, crystal: Crystal) -> dict[str, Any]:
    """As `relax_piece` for one structure; if its process ends, the record of a failure says how."""
    release()  # two potentials at once may be more than the memory holds
    request = json.dumps({"job": job.to_json(), "piece": {identity: crystal}})
    command = [sys.executable, "-m", "alphanet.measure.relaxation.alone"]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    said = " | ".join(line.strip() for line in done.stderr.splitlines() if line.strip()).strip()[-400:]
    reason = f"ended its process, alone too: {_ending(done.returncode)}" + (f"; it last said: {said}" if said else "")
    return {"records": [failure(identity, reason, n_sites=len(crystal["numbers"]))], "conditions": None}


def main() -> None:
    """Read a job and a structure from stdin, print what `relax_piece` gives as the last line."""
    request = json.loads(sys.stdin.read())
    print(json.dumps(relax_piece(Job.from_json(request["job"]), request["piece"])), flush=True)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, as by the kernel when memory is short" if -code == signal.SIGKILL else name


if __name__ == "__main__":
    main()
