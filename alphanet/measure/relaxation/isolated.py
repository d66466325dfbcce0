"""One structure that may end its worker, relaxed in a process of its own: `python -m` this module."""

import signal
import subprocess
import sys
from dataclasses import dataclass

from pydantic import TypeAdapter

from alphanet.errors import UserError
from alphanet.measure.relaxation.job import Job, relax_piece, release
from alphanet.measure.relaxation.records import Crystal, RelaxationRecord, failure
from alphanet.paths import own_python

ANSWER, REFUSAL = "answer: ", "refusal: "  # begin the line of stdout that is for us; a potential may print others


@dataclass(frozen=True)
class RelaxationRequest:
    """One structure for a process of its own."""

    job: Job
    expected: str
    identity: str
    crystal: Crystal


_REQUEST = TypeAdapter(RelaxationRequest)


def relax_isolated(job: Job, expected: str, identity: str, crystal: Crystal) -> list[RelaxationRecord]:
    """Relax one structure as `relax_piece` does, in another process; if that ends, how it ended becomes the record.

    Raises:
        UserError: no structure can be relaxed as asked.
    """
    release()  # two potentials at once may be more than the memory holds
    request = _REQUEST.dump_json(RelaxationRequest(job, expected, identity, crystal)).decode()
    python, variables = own_python()
    command = [*python, "-m", "alphanet.measure.relaxation.isolated"]
    process = subprocess.run(command, input=request, env=variables, capture_output=True, text=True, check=False)
    for line in reversed(process.stdout.splitlines()):
        if line.startswith(REFUSAL):
            raise UserError(line.removeprefix(REFUSAL))
        if line.startswith(ANSWER):
            return [RelaxationRecord.model_validate_json(line.removeprefix(ANSWER))]
    said = [line.strip() for line in process.stderr.splitlines() if line.strip()]
    ending = _ending(process.returncode) + (f"; it last said: {' | '.join(said)[-400:]}" if said else "")
    reason = f"ended its process, alone too: {ending}"
    return [failure(identity, reason, n_sites=len(crystal.numbers))]


def main() -> None:
    """Read a `RelaxationRequest` from stdin and print its record, both as JSON."""
    request = _REQUEST.validate_json(sys.stdin.read())
    try:
        (record,) = relax_piece(request.job, request.expected, {request.identity: request.crystal})
        line = ANSWER + record.model_dump_json()
    except UserError as error:
        line = REFUSAL + " ".join(str(error).split())
    print(f"\n{line}", flush=True)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, as by the kernel when memory is short" if -code == signal.SIGKILL else name


if __name__ == "__main__":
    main()
