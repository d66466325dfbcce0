"""The protocol of a property: what it needs, how it is computed, and how two results are compared."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar, Generic, TypeVar

from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from pydantic import BaseModel, ConfigDict

from alphanet.errors import UserError


class MissingPackageError(UserError):
    """An optional package is not installed: nothing failed, and the message says how to install it."""


class Curve(BaseModel):
    """Numbers along an axis, with the titles of both."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    x_title: str
    y_title: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class Result(BaseModel):
    """A property of one structure: its scalars are the fields of each property's own type, in eV, Å, ps and K."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    curves: dict[str, Curve] = {}
    notes: tuple[str, ...] = ()
    """What a reader must know, such as imaginary modes; also why a quantity could not be had"""

    def scalars(self) -> dict[str, float]:
        """The fields that hold one number, by name."""
        return {name: float(value) for name, value in self if isinstance(value, float)}


@dataclass(frozen=True)
class Quantity:
    """An error that a table shows, or a property of the potential's own that needs no reference."""

    title: str
    unit: str
    noise: float = 0.0
    """The largest error, in the unit of the record, of a potential whose forces are those of the reference"""
    factor: float = 1.0
    """Value in the table over value in the record"""
    of: str = ""
    """The scalar whose error it is; empty if the property compares in its own way"""
    relative: bool = False
    """Whether the error is divided by the reference's value"""
    own: bool = False
    """Whether it needs no reference"""


ResultT = TypeVar("ResultT", bound=Result)


class Property(BaseModel, ABC, Generic[ResultT]):
    """A property that can be computed; its fields are its settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    title: ClassVar[str]
    result_type: ClassVar[type[Result]]
    quantities: ClassVar[Mapping[str, Quantity]]
    """By their names in records; the first is the one by which potentials are ranked"""
    packages: ClassVar[Mapping[str, str]] = {}
    """Optional packages that it needs -> the command that installs them"""
    of_paths: ClassVar[bool] = False
    """Whether it is of paths of several frames"""
    drawn: ClassVar[str] = ""
    """The curve that a figure shows; empty if none"""
    seconds: ClassVar[float] = 60.0
    """For a potential and a structure; budgets are divided by it"""

    @abstractmethod
    def unfit(self, atoms: Atoms) -> str | None:
        """The reason why the property does not exist for a structure; None if it does."""

    @abstractmethod
    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> ResultT:
        """The property of `atoms` by `calculator`; `atoms` are not changed.

        Raises:
            UserError: it cannot be had, such as a relaxation that diverges or an element that is not known.
        """

    def compare(self, found: ResultT, truth: ResultT | None) -> dict[str, float]:
        """The quantities that both results allow, in the units of records.

        Args:
            found: by the potential.
            truth: by the reference method; None if there is none, which leaves only what needs no reference.
        """
        errors: dict[str, float] = {}
        for name, quantity in self.quantities.items():
            value = getattr(found, quantity.of or name, None)
            if quantity.own and value is not None:
                errors[name] = float(value)
            true = getattr(truth, quantity.of, None) if quantity.of else None
            if value is not None and true is not None and not quantity.own:
                errors[name] = abs(value - true) / (abs(true) if quantity.relative else 1.0)
        return errors

    def intervals(self, found: ResultT, truth: ResultT) -> dict[str, tuple[float, float]]:  # noqa: ARG002
        """95 % intervals of quantities that come from samples, in the units of records; none by default."""
        return {}

    def read(self, values: Any) -> ResultT:
        """The result that a record or the cache holds as plain values."""
        result: Any = self.result_type.model_validate(values)
        return result  # type: ignore[no-any-return]

    def require_packages(self) -> None:
        """Check that the optional packages are installed.

        Raises:
            MissingPackageError: one is missing.
        """
        require_packages(self.name, self.packages)


def require_packages(what: str, packages: Mapping[str, str]) -> None:
    """Check that `packages` are installed; the values are the commands that install them.

    Raises:
        MissingPackageError: one is missing.
    """
    for package, command in packages.items():
        if find_spec(package) is None:
            raise MissingPackageError(f"{what}: the package {package} is not installed; install it with: {command}")


EXTRA = "pip install 'alphanet-suite[properties]'"
"""Command that installs the optional packages of properties"""
