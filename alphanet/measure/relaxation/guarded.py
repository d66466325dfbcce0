"""Structures one of which may have ended its worker, in a process of their own: `python -m` this module."""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from alphanet.measure.relaxation.crystals import Crystal
from alphanet.measure.relaxation.job import Job, relax_piece, release
from alphanet.measure.relaxation.records import Record, failure


def relax_guarded(job: Job, piece: Mapping[str, Crystal]) -> dict[str, Any]:
    """As `relax_piece`, in another process, one structure after another.

    The structure at which that process ends is tried alone in a new one; if that ends, too, it is set aside with the
    reason, and the others go on.
    """
    release()  # two potentials at once may be more than the memory holds
    left, records, made = dict(piece), list[Record](), None
    suspect: str | None = None
    while left:
        asked = {suspect: left[suspect]} if suspect else left
        answers, ending = _in_a_process(job, asked)
        for answer in answers:
            if "refused" in answer:
                return answer
            records += answer["records"]
            made = answer["conditions"]
        done = {record["id"] for record in records}
        left = {one: crystal for one, crystal in left.items() if one not in done}
        culprit = next((one for one in asked if one not in done), None)
        if suspect and culprit:
            reason = f"ended its process, alone too: {ending}"
            records.append(failure(culprit, reason, n_sites=len(left.pop(culprit)["numbers"])))
            culprit = None
        suspect = culprit
    return {"records": records, "conditions": made}


def main() -> None:
    """Read a job and structures from stdin, print what `relax_piece` gives for each, a line a structure."""
    request = json.loads(sys.stdin.read())
    job = Job.from_json(request["job"])
    for identity, crystal in request["piece"].items():
        print(json.dumps(relax_piece(job, {identity: crystal})), flush=True)


def _in_a_process(job: Job, piece: Mapping[str, Crystal]) -> tuple[list[dict[str, Any]], str]:
    """What was answered before the process ended, and how it ended."""
    request = json.dumps({"job": job.to_json(), "piece": piece})
    command = [sys.executable, "-m", "alphanet.measure.relaxation.guarded"]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=False)
    said = " | ".join(line.strip() for line in done.stderr.splitlines() if line.strip())[-400:]
    ending = _ending(done.returncode) + (f"; it last said: {said}" if said else "")
    return [answer for line in done.stdout.splitlines() if (answer := _answer(line))], ending


def _answer(line: str) -> dict[str, Any] | None:
    """An answer; none for what a potential has printed, or half of a line."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and ("records" in found or "refused" in found) else None


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, as by the kernel when memory is short" if -code == signal.SIGKILL else name


if __name__ == "__main__":
    main()
