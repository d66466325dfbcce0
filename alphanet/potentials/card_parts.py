"""The parts of a baseline's card: environment, weights, settings, and facts for its conformance checks."""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue, PositiveFloat, PositiveInt

from alphanet.cards import Card
from alphanet.provenance import code_digest

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Package(Card):
    """One package of an environment, with its exact version."""

    name: str
    version: Annotated[str, Field(pattern=r"^\d[\w.!+-]*$")]
    why: str = ""
    """Its purpose, if that is not obvious"""
    only: Literal["cpu", "gpu"] | None = None
    """For machines without or with a GPU only, where a package comes in two builds under two names"""


class Environment(Card):
    """How an environment is made. Rows that share one name the row whose card describes it."""

    name: Name
    python: str
    """Versions of Python that the packages support, such as `>=3.10,<3.14`"""
    packages: tuple[Package, ...] = Field(min_length=1)
    without: dict[str, str] = Field(default_factory=dict)
    """Packages that others ask for and that are left out, each with the reason"""
    instead: dict[str, str] = Field(default_factory=dict)
    """Requirements that replace those of the packages (`torch==2.13.0`), each with the reason"""
    variables: dict[str, str] = Field(default_factory=dict)
    """Environment variables that the worker is started with"""
    imports: tuple[str, ...] = Field(min_length=1)
    """Modules whose import proves that the environment works"""

    @property
    def digest(self) -> str:
        """Hash of everything that the installed packages depend on, without the explanations."""
        block = self.model_dump(mode="json", exclude={"variables": True, "packages": {"__all__": {"why"}}})
        block |= {"without": sorted(self.without), "instead": sorted(self.instead)}
        return hashlib.sha256(json.dumps(block, sort_keys=True).encode()).hexdigest()


class Checkpoint(Card):
    """Trained weights: at an address, or carried by the package."""

    source: Annotated[str, Field(pattern=r"^(package|https://\S+)$")]
    """`https://…`, or `package` if the wheel contains them"""
    name: str = ""
    """For weights in a package, the package's name of them. For a download, the file name if the address does not end
    with it"""
    member: str = ""
    """For an archive, the path in it of the file to load"""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    bytes: PositiveInt | None = None
    pickled: bool = False
    """Whether loading runs code in the file; then the card needs its sha256, or the user must trust it"""
    parameters: PositiveInt | None = None
    trained_on: str
    license: str = ""
    note: str = ""
    """Source of the address and the checksum"""

    @property
    def file_name(self) -> str:
        """Name of the downloaded file."""
        return self.name or self.source.rstrip("/").rsplit("/", 1)[-1]


class Checkout(Card):
    """Source code that runs from the user's folder and is never copied."""

    variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    """Environment variable that names the folder, or several, separated as in PATH"""
    why: str
    sources: str = ""
    """Folder of the sources in a checkout; all of it if empty"""
    checked: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(default_factory=dict)
    """Commit that the worker was checked with -> digest of its sources, see `alphanet.provenance.code_digest`"""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The checkouts that the variable names."""
        named = os.environ.get(self.variable, "").split(os.pathsep)
        return tuple(Path(one).expanduser().resolve() for one in named if one)

    def version(self, folder: Path) -> str:
        """The commit of a checkout whose sources are those of one that was checked; otherwise a digest of them."""
        digest = code_digest([folder / self.sources])
        known = {of_commit: commit for commit, of_commit in self.checked.items()}
        return known.get(digest, f"{digest[:12]} (not checked)")


class Preset(Card):
    """Settings of the architecture and of its training under one name."""

    note: str
    """Source of the values"""
    model: dict[str, JsonValue]
    """Architecture, in the package's own words; the worker hands it to the package"""
    training: dict[str, JsonValue] = Field(default_factory=dict)
    """Defaults of the training settings, see `alphanet.training.settings`"""
    parameters: PositiveInt | None = None
    """Number of parameters, counted with the elements C, O and Si"""


class Limit(Card):
    """A conformance check that this system cannot pass at the usual limit, and why."""

    value: PositiveFloat
    why: str


class Relaxation(Card):
    """Settings of the relaxations of WBM in the published entry of Matbench Discovery that differ from the defaults."""

    fmax: PositiveFloat = 0.05
    """eV/Å"""
    max_steps: PositiveInt = 500
    dtype: Literal["float32", "float64"] = "float32"
    corrected: bool = False
    """Whether the potential was trained on energies with the corrections of MP2020, so that they are not added again"""
    source: str = ""
    """Source of the settings"""


class Reference(Card):
    """Energy of a simple bulk as the package's own calculator gives it with its released weights."""

    symbol: str
    structure: str
    """As `ase.build.bulk` names it"""
    a: PositiveFloat
    """Lattice constant, Å"""
    energy_per_atom: float
    """eV/atom"""
    source: str
