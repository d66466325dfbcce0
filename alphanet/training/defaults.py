"""Settings of a training by names alone: those of the data set, of a file, or of a baseline's card; without torch."""

from collections.abc import Mapping

from pydantic import JsonValue

from alphanet.potentials.cards import find_baseline
from alphanet.potentials.settings import BaselineSettings, train_settings
from alphanet.training.config import AlphaNetSettings, alphanet_settings, own_settings
from alphanet.training.settings import merged, with_files

ALPHANET = "alphanet"


def settings_for(
    model: str, dataset: str, scale: str, values: Mapping[str, JsonValue]
) -> AlphaNetSettings | BaselineSettings:
    """`values` over the defaults.

    AlphaNet's defaults are the data set's, or the generic ones for a file; a baseline's are those of its preset `mini`
    or `dataset`.

    Raises:
        UserError: an unknown model, data set or key, or a bad value.
    """
    values = with_files({"dataset": dataset, **values})
    own = values.get("data") is not None
    if model == ALPHANET:
        return own_settings(scale, values) if own else alphanet_settings(dataset, scale, values)
    card = find_baseline(model)
    preset = "mini" if scale == "mini" else dataset
    named = {"dataset": dataset, "scale": scale} | ({"preset": preset} if preset in card.presets else {})
    return train_settings(card, merged(named, dict(values)))
