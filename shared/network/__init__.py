"""From weights to inverse depth: which weights, how they are read, what runs the network."""

from shared.network.engine import Engine, load_engine
from shared.network.layout import BUNDLED_SMALL, MIDAS_V21_SMALL, MidasSizes
from shared.network.weights import OFFICIAL_LABEL, ChosenWeights, choose_weights, official_file, requested

__all__ = [
    "BUNDLED_SMALL",
    "MIDAS_V21_SMALL",
    "OFFICIAL_LABEL",
    "ChosenWeights",
    "Engine",
    "MidasSizes",
    "choose_weights",
    "load_engine",
    "official_file",
    "requested",
]
