"""From weights to inverse depth: which weights, how they are read, what runs the network."""

from shared.network.candidates import FLOAT32, Candidate
from shared.network.choosing import Choice, proving_beside
from shared.network.engine import Engine, load_engine
from shared.network.judging import compare, fault_of
from shared.network.layout import BUNDLED_SMALL, MIDAS_V21_SMALL, MidasSizes
from shared.network.verdicts import (
    LONGEST_TRIAL_S,
    Subject,
    Trial,
    Verdict,
    candidates_of,
    load_subject,
    read_verdict,
    write_verdict,
)
from shared.network.weights import OFFICIAL_LABEL, ChosenWeights, choose_weights, official_file, requested

__all__ = [
    "BUNDLED_SMALL",
    "FLOAT32",
    "LONGEST_TRIAL_S",
    "MIDAS_V21_SMALL",
    "OFFICIAL_LABEL",
    "Candidate",
    "Choice",
    "ChosenWeights",
    "Engine",
    "MidasSizes",
    "Subject",
    "Trial",
    "Verdict",
    "candidates_of",
    "choose_weights",
    "compare",
    "fault_of",
    "load_engine",
    "load_subject",
    "official_file",
    "proving_beside",
    "read_verdict",
    "requested",
    "write_verdict",
]
