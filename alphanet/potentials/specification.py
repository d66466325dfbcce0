"""From the name of a model to what it is: the one place where the forms of `alphanet.potentials.forms` are read."""

import contextlib
import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Literal

from alphanet.errors import UserError, did_you_mean
from alphanet.files import sha256_of
from alphanet.model.released import released_names
from alphanet.potentials.cards import (
    USUAL,
    BaselineCard,
    baseline_names,
    card_file,
    find_baseline,
    load_baseline,
    read_baseline,
)
from alphanet.potentials.forms import MODEL_FORMS
from alphanet.potentials.runs import (
    ALPHANET,
    RESULT,
    TrainedModel,
    holds_models,
    is_committee,
    models_in,
    read_committee,
    trained_run,
)
from alphanet.printed import one_line
from alphanet.provenance import code_digest

READINGS = {ALPHANET: "paper", "alphanet-v1": "official-v1"}
"""Names of AlphaNet with random weights -> reading"""
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_PRESET = re.compile(r"@([A-Za-z0-9][\w.-]*)$")
_NUMBERED = re.compile(r"(?P<name>[^#:@]+)#(?P<number>[1-9]\d*)")


@dataclass(frozen=True)
class Specification:
    """What a name of a model means. Nothing is loaded yet."""

    text: str
    """As it was given"""
    kind: Literal["random", "file", "released", "baseline", "python"]
    """AlphaNet with random weights, in a file, or released; a baseline; or what a callable returns"""
    name: str
    """Without the preset, and with whole paths, so that it means the same in any working folder"""
    preset: str = ""
    """Settings of random weights"""
    file: Path | None = None
    """Trained weights; of a committee those of its first member"""
    members: tuple[Path, ...] = ()
    """Trained weights of the members of a committee"""
    run: Path | None = None
    """Folder of the training that wrote them; of a committee that of its first member"""
    card: BaselineCard | None = None
    checkpoint: str = ""
    """Released weights in the card; empty for the first"""

    @property
    def reading(self) -> str:
        """Of AlphaNet with random weights."""
        return READINGS[self.name]

    @property
    def has_weights(self) -> bool:
        """Whether it names trained weights, or something that has none besides its own, so that none can be chosen."""
        return self.kind in ("file", "released", "python") or bool(self.file or self.checkpoint)

    @property
    def usual_dtype(self) -> str:
        """Precision that it computes in if nothing else is asked for."""
        return USUAL if self.card is None else self.card.usual_dtype

    @property
    def absolute(self) -> str:
        """The same model, as it can be named in any working folder."""
        return f"{self.name}@{self.preset}" if self.preset else self.name

    @property
    def digest(self) -> str | None:
        """A hash of the weights' file, of the card and worker, or of the module; None where the name says it all."""
        files = self.members or ((self.file,) if self.file is not None else ())
        parts = [sha256_of(file) for file in files]
        if self.card is not None:
            parts.append(code_digest(self.card.places))
        if self.kind == "python":
            source = module_file(self.name)
            parts += [sha256_of(source)] if source is not None else []
        return " ".join(parts) or None

    @property
    def single_members(self) -> tuple["Specification", ...]:
        """Each member of a committee by itself."""
        return tuple(replace(self, file=member, members=()) for member in self.members)

    def require_no_preset(self) -> None:
        """Check that no settings of random weights are named for a model that has trained ones.

        Raises:
            UserError: they are.
        """
        if self.preset and self.has_weights:
            raise UserError(f"{self.text}: @{self.preset} names settings of random weights, and this model has its own")


def specified(text: str) -> Specification:
    """What `text` means, one of the forms in `FORMS`. A name goes before a file of the same name: write ./NAME for it.

    Raises:
        UserError: it is none of them, a card is wrong, a training has no weights, or a module does not exist.
    """
    if not text.strip():
        raise UserError(f"the name of a model is empty; a model is {MODEL_FORMS}")
    name, preset = split_preset(text)
    try:
        if not preset or Path(text).exists():
            return _found(text)
        whole = _found(name)
    except (OSError, ValueError) as error:  # too long for a file, or with characters that no name has
        raise UserError(f"{one_line(text, 60)} is no name of a model: {one_line(error, 60)}") from error
    named = replace(whole, text=text, preset=preset)
    named.require_no_preset()
    return named


def split_preset(text: str) -> tuple[str, str]:
    """The name of a model, and the settings of random weights that stand behind its `@`, if any do."""
    found = _PRESET.search(text)
    return (text, "") if found is None else (text[: found.start()], found[1])


def common_dtype(models: Iterable[str]) -> str:
    """The precision in which `models` are compared if none is named: float32, unless none of them computes in it."""
    usual = set()
    for model in models:
        with contextlib.suppress(UserError):  # which is told when the model is opened
            usual.add(specified(model).usual_dtype)
    return usual.pop() if len(usual) == 1 else USUAL


def with_checkouts(models: Iterable[str]) -> Iterator[str]:
    """`models`, each that is named without a number followed by those of the other checkouts that it can run from."""
    for model in models:
        yield model
        name = re.split("[#:@]", model, maxsplit=1)[0]
        if "#" not in model and name in baseline_names() and (checkout := load_baseline(name).checkout) is not None:
            yield from (f"{name}#{number}{model[len(name) :]}" for number in range(2, len(checkout.folders) + 1))


def module_file(name: str) -> Path | None:
    """The source of the module of `module:callable`; None if it has no file."""
    top = _module_spec(name.partition(":")[0].partition(".")[0])
    origin = None if top is None else top.origin
    return Path(origin) if origin is not None and Path(origin).is_file() else None


def _found(text: str) -> Specification:
    head, colon, tail = text.partition(":")
    if text in READINGS:
        return Specification(text, "random", text)
    if text in released_names():
        return Specification(text, "released", text)
    if head in baseline_names():
        return baseline_specification(text, head, load_baseline(head), tail)
    if (numbered := _NUMBERED.fullmatch(head)) is not None and numbered["name"] in baseline_names():
        card = load_baseline(numbered["name"]).at_checkout(int(numbered["number"]))
        return baseline_specification(text, head, card, tail)
    if (path := Path(text)).exists():
        return _path(text, path)
    if colon and (file := card_file(Path(head))) is not None:
        return baseline_specification(text, str(_folder_of(file)), read_baseline(file), tail)
    if colon and (not Path(head).exists() or (_MODULE.fullmatch(head) and Path(head).is_dir())):
        return _callable(text, head, tail)
    if colon:
        raise UserError(
            f"{text}: {head!r} is neither a module nor the card of a baseline; others have no part after a colon"
        )
    if path.suffix or "/" in text:
        raise UserError(f"cannot read {text}: no such file")
    known = [*READINGS, *released_names(), *baseline_names()]
    raise UserError(f"{text}: no such file, and no potential of that name{did_you_mean(text, known)}")


def _path(text: str, path: Path) -> Specification:
    """The model in a file or folder."""
    if (file := card_file(path)) is not None:
        return baseline_specification(text, str(_folder_of(file)), read_baseline(file), "")
    if path.is_dir():
        return _trained(text, path)
    if path.suffix in (".yaml", ".yml"):
        raise UserError(f"{text} is no model: the card of a baseline is called card.yaml")
    return Specification(text, "file", str(path.resolve()), file=path)


def _trained(text: str, folder: Path) -> Specification:
    """The best weights of a training, or of each member of a committee."""
    if not holds_models(folder):
        weights = sorted(folder.glob("*.safetensors"))
        instead = f"; if you mean its weights so far, name {weights[0]}" if weights else ""
        raise UserError(
            f"{text} is a folder without {RESULT}, which a finished training has, and without card.yaml{instead}"
        )
    models = models_in(folder)
    file = models[0].path
    members = tuple(model.path for model in models) if is_committee(folder) else ()
    run = read_committee(folder)[0] if members else folder
    plain = Specification(text, "file", str(folder.resolve()), file=file, run=run, members=members)
    return plain if models[0].name == ALPHANET else replace(plain, kind="baseline", card=_card_of(text, models[0]))


def _card_of(text: str, model: TrainedModel) -> BaselineCard:
    """The card that a model was trained from: where it lay then, or one of its name."""
    known = baseline_names()
    for named in (model.card, model.name):
        if named in known or card_file(Path(named)) is not None:
            return find_baseline(named)
    raise UserError(
        f"{text} is a training of {model.name}, and there is no such baseline here; name the folder with its card in "
        f"ALPHANET_BASELINES{did_you_mean(model.name, known)}"
    )


def baseline_specification(text: str, name: str, card: BaselineCard, checkpoint: str) -> Specification:
    """A baseline called `name`, with released weights of its card, or with those in a file or a training's folder.

    Args:
        text: as it was given.
        name: of the baseline, or the folder of its card.
        card: of the baseline.
        checkpoint: a name in the card, a file or a folder; empty for the card's first.

    Raises:
        UserError: no such checkpoint.
    """
    plain = Specification(text, "baseline", name, card=card)
    if not checkpoint:
        return plain
    if checkpoint in card.checkpoints:
        return replace(plain, name=f"{name}:{checkpoint}", checkpoint=checkpoint)
    path = Path(checkpoint)
    run = path if path.is_dir() else None
    if run is not None:
        if not (run / RESULT).is_file():
            raise UserError(f"{card.name}: {checkpoint} is a folder without {RESULT}, which a finished training has")
        path = trained_run(run, owner=card.name).path
    if not path.is_file():
        known = f"; its released weights: {', '.join(card.checkpoints)}" if card.checkpoints else ""
        raise UserError(f"{card.name}: no checkpoint {checkpoint}{known}")
    return replace(plain, name=f"{name}:{(run or path).resolve()}", file=path, run=run)


def _callable(text: str, module: str, attribute: str) -> Specification:
    """What a callable of a module returns; the module is looked for and not imported."""
    nothing = f"{text} is no file, no baseline, and cannot be imported as module:callable"
    for part, what in ((module, "module"), (attribute, "callable")):
        if not _MODULE.fullmatch(part):
            raise UserError(f"{nothing}: {part!r} is not the name of a {what}")
    top = module.partition(".")[0]
    if _module_spec(top) is None:
        raise UserError(
            f"{nothing}: no module named {top!r} in this folder, in PYTHONPATH or among the installed ones"
            f"{_near(module)}"
        )
    return Specification(text, "python", text)


def _near(name: str) -> str:
    hint = did_you_mean(name, baseline_names())
    return hint if hint.startswith("; did you mean") else ""


def _module_spec(top: str) -> ModuleSpec | None:
    """Where a module would be imported from: the working folder first, as `from_python` does it."""
    here = PathFinder.find_spec(top, [str(Path.cwd())])
    if here is not None and here.loader is not None:
        return here
    try:
        return importlib.util.find_spec(top) or here
    except ValueError:  # a module in memory that was made without a file
        return ModuleSpec(top, None)


def _folder_of(card: Path) -> Path:
    return card.parent.resolve()
