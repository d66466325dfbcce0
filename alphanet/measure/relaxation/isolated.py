"""One structure that may end its worker, relaxed in a process of its own: `python -m` this module."""

import signal
import subprocess
import sys
from dataclasses import dataclass

from pydantic import TypeAdapter

from alphanet.errors import UserError
from alphanet.measure.relaxation.job import Answer, Job, relax_piece, release
from alphanet.measure.relaxation.records import Crystal, failure

ANSWER, REFUSAL = "answer: ", "refusal: "  # begin the line of stdout that is for us; a potential may print others


@dataclass(frozen=True)
class RelaxationRequest:
    """One structure for a process of its own."""

    job: Job
    identity: str
    crystal: Crystal


_REQUEST, _ANSWER = TypeAdapter(RelaxationRequest), TypeAdapter(Answer)


def relax_isolated(job: Job, identity: str, crystal: Crystal) -> Answer:
    """Relax a structure as `relax_piece` does, in another process; if that ends, how it ended becomes the record.

    Raises:
        UserError: no structure can be relaxed as asked.
    """
    release()  # two potentials at once may be more than the memory holds
    request = _REQUEST.dump_json(RelaxationRequest(job, identity, crystal)).decode()
    command = [sys.executable, "-m", "alphanet.measure.relaxation.isolated"]
    process = subprocess.run(command, input=request, capture_output=True, text=True, check=False)
    for line in reversed(process.stdout.splitlines()):
        if line.startswith(REFUSAL):
            raise UserError(line.removeprefix(REFUSAL))
        if line.startswith(ANSWER):
            return _ANSWER.validate_json(line.removeprefix(ANSWER))
    said = [line.strip() for line in process.stderr.splitlines() if line.strip()]
    ending = _ending(process.returncode) + (f"; it last said: {' | '.join(said)[-400:]}" if said else "")
    reason = f"ended its process, alone too: {ending}"
    return Answer([failure(identity, reason, n_sites=len(crystal.numbers))])


def main() -> None:
    """Read a `RelaxationRequest` from stdin and print its `Answer`, both as JSON."""
    request = _REQUEST.validate_json(sys.stdin.read())
    try:
        line = ANSWER + _ANSWER.dump_json(relax_piece(request.job, {request.identity: request.crystal})).decode()
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
