"""Options of the panel "Limits"."""

from typing import Annotated

from alphanet.cli.options.panels import LIMITS, duration, option

Budget = Annotated[
    float | None,
    duration("Time for what is not measured yet: {}. Trainings that do not fit are not run.", "--budget"),
]
Compute = Annotated[
    str,
    option(
        LIMITS,
        "Compute of each training: seconds of one processor, or of a GPU, separated by commas. It becomes a number of "
        "steps.",
        "--compute",
    ),
]
MaxTime = Annotated[float | None, duration("A guard: a training that it stops is not finished. {}.", "--max-time")]
LongestCall = Annotated[
    float | None, duration("Time of one call; a longer one ends the search: {}. If not given: 2m.", "--longest-call")
]
Epochs = Annotated[
    int | None, option(LIMITS, "Passes over the training frames, instead of the settings' number.", "--epochs", min=1)
]
Steps = Annotated[
    int | None,
    option(
        LIMITS,
        "Steps of molecular dynamics, or at most of a relaxation or band. If not given: 1000 in md, 500 in relax and "
        "neb, the published entry's in bench wbm.",
        "--steps",
        min=1,
    ),
]
Fmax = Annotated[
    float | None,
    option(
        LIMITS,
        "Force (eV/Å) at which a relaxation or band ends. If not given: 0.05, in bench wbm the published entry's.",
        "--fmax",
        min=1e-6,
    ),
]
MaxError = Annotated[
    float | None,
    option(
        LIMITS,
        "Predictions further from the DFT energy (eV/atom) count as missing. If not given: 5.",
        "--max-error",
        min=0,
    ),
]
Threshold = Annotated[
    float | None,
    option(
        LIMITS,
        "Highest energy above the hull (eV/atom) that counts as stable. If not given: 0.",
        "--threshold",
        show_default=False,
    ),
]
Smallest = Annotated[int, option(LIMITS, "Atoms at which the search begins.", "--smallest", min=1)]
Largest = Annotated[int, option(LIMITS, "Atoms at which the search ends.", "--largest", min=1)]
