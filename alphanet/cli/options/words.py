"""What commands do with the words that they were given."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.data.cards import LabelKeys


def flag(field: str) -> str:
    """The option of a parameter or of a field of `RunOptions`: `--max-time` of `max_time`."""
    return "--" + field.replace("_", "-")


def given(**values: Any) -> dict[str, Any]:
    """Those of the values that the user gave."""
    return {name: value for name, value in values.items() if value is not None and value is not False}


def label_keys(
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    virial_key: str | None = None,
) -> "LabelKeys":
    """Names of labels in files: those given, and ASE's."""
    from alphanet.data.cards import LabelKeys

    return LabelKeys(**given(energy=energy_key, forces=forces_key, stress=stress_key, virial=virial_key))


def refuse(use: str, **values: Any) -> None:
    """Check that none of the options is given.

    Args:
        use: which calls use them.
        values: by parameter, None or False if not given.

    Raises:
        UserError: one is given.
    """
    for name in given(**values):
        raise UserError(f"{flag(name)} has no use here: {use}")


def model_names(*given_names: Sequence[str] | None) -> tuple[str, ...]:
    """Models of the arguments and of --models, each once; a word may hold several, separated by commas."""
    words = (word for names in given_names for word in names or ())
    names = (part.strip() for word in words for part in ([word] if Path(word).exists() else word.split(",")))
    return tuple(dict.fromkeys(filter(None, names)))


def required_models(*given_names: Sequence[str] | None) -> tuple[str, ...]:
    """The same, at least one.

    Raises:
        UserError: none is given.
    """
    if not (names := model_names(*given_names)):
        raise UserError("name at least one model; `alphanet baselines list` has those that need no file")
    return names


def part(text: str | None) -> float | str | None:
    """A part of the frames, if `text` is a number, or the name of a file."""
    if text is None or Path(text).exists():
        return text
    try:
        return float(text)
    except ValueError:
        return text
