"""The parts of a baseline's card: environment, weights, settings, and what its conformance checks must know."""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from alphanet.cards import Card

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Package(Card):
    """One package of an environment, with its exact version."""

    name: str
    version: Annotated[str, Field(pattern=r"^\d[\w.!+-]*$")]
    why: str = ""
    """What it is there for, where that is not plain"""
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
    """Requirements that stand in place of what packages ask for (`torch==2.13.0`), each with the reason"""
    variables: dict[str, str] = Field(default_factory=dict)
    """Environment variables that the worker is started with"""
    imports: tuple[str, ...] = Field(min_length=1)
    """Modules whose import proves that the environment works"""

    @property
    def digest(self) -> str:
        """Hash of everything that the packages in it depend on; the explanations do not count."""
        block = self.model_dump(mode="json", exclude={"variables": True, "packages": {"__all__": {"why"}}})
        block |= {"without": sorted(self.without), "instead": sorted(self.instead)}
        return hashlib.sha256(json.dumps(block, sort_keys=True).encode()).hexdigest()


class Checkpoint(Card):
    """Trained weights: at an address, or carried by the package."""

    source: Annotated[str, Field(pattern=r"^(package|https://\S+)$")]
    """`https://…`, or `package` where the wheel carries them"""
    name: str = ""
    """Of weights in a package: what the package calls them. Of a download: its file name, if the address does not end
    with it"""
    member: str = ""
    """Of an archive: the path in it of the file that is loaded"""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    bytes: PositiveInt | None = None
    pickled: bool = False
    """Loading it runs code that the file carries; refused unless its sha256 is in the card or the user trusts it"""
    parameters: PositiveInt | None = None
    trained_on: str
    license: str = ""
    note: str = ""
    """Where address and checksum were read"""

    @property
    def file_name(self) -> str:
        """Name of the downloaded file."""
        return self.name or self.source.rstrip("/").rsplit("/", 1)[-1]


class Checkout(Card):
    """Source code that is run from where the user put it and never copied."""

    variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    """Environment variable that names the folder"""
    why: str


class Preset(Card):
    """Settings of the architecture and of its training under one name."""

    note: str
    """Where the values come from"""
    model: dict[str, Any]
    """Architecture, in the package's own words; the worker hands it to the package"""
    training: dict[str, Any] = Field(default_factory=dict)
    """Defaults of the training settings, see `alphanet.training.settings`"""
    parameters: PositiveInt | None = None
    """Counted with the elements C, O and Si"""


class Limit(Card):
    """A conformance check that this system cannot pass at the usual limit, and why."""

    value: PositiveFloat
    why: str


class Relaxation(Card):
    """What the published entry in Matbench Discovery relaxed the WBM structures with, where not the usual settings."""

    fmax: PositiveFloat = 0.05
    """eV/Å"""
    max_steps: PositiveInt = 500
    dtype: Literal["float32", "float64"] = "float32"
    corrected: bool = False
    """The potential was trained on energies with the corrections of MP2020, which are not added again then"""
    source: str = ""
    """Where the settings were read"""


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
