"""How far a model is from the exact answer: errors in L2(p_t) of every target, and where its samples lie."""

from .closeness import assert_score_close
from .comparison import evaluate
from .errors import TargetErrors
from .record import Evaluation
from .samples import SampleErrors, Spread

__all__ = ["Evaluation", "SampleErrors", "Spread", "TargetErrors", "assert_score_close", "evaluate"]
