"""Times that others published, which are shown beside those that are measured."""

from pydantic import Field, PositiveFloat, PositiveInt

from alphanet.cards import Card


class PublishedTimes(Card):
    """Steps that others measured on a machine of theirs: grey points of the figure, and rows of a table."""

    name: str  # of the model, as they call it
    machine: str
    source: str
    step: dict[PositiveInt, PositiveFloat] = Field(min_length=1)  # atoms -> ms
