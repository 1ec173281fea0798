"""Studio's untrained learners on scikit-learn, with Studio's settings and defaults.

What a fit yields is plain numbers, from which `onnxmodel` builds the file. Every fit has a fixed seed: the same data
gives the same model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retrainctl.emulator.training.failure import ModuleFailed, library_failure
from retrainctl.emulator.training.features import Sample

TWO_CLASS: Final = frozenset({"Two-Class Logistic Regression", "Two-Class Boosted Decision Tree"})
LEARNERS: Final = TWO_CLASS | {"Linear Regression", "Boosted Decision Tree Regression"}

_TREES: Final = "Total number of trees constructed|Number of trees constructed|Number of trees"
_LEAST_LEAF: Final = (
    "Minimum number of training instances required to form a leaf|Minimum number of samples per leaf node|"
    "Minimum leaf instances"
)
_SOLID_L2: Final = 1e-10
"""A logistic regression without any penalty has no finite solution where a column tells the classes apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """An untrained learner: which module, and how it is set."""

    module: str
    settings: Mapping[str, str]

    @property
    def two_class(self) -> bool:
        return self.module in TWO_CLASS


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearFit:
    """score = matrix @ weights + bias; for two classes the probability is its sigmoid."""

    weights: NDArray[np.float64]
    bias: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TreesFit:
    """score = bias + the sum over the trees of the leaf that a row falls into.

    Each tree is (feature, threshold, left, right, value) by node, `left` -1 marking a leaf; a row goes left where its
    value, cut to single precision, is at most the threshold. `value` is scaled by the learning rate already.
    """

    trees: tuple[tuple[NDArray[Any], ...], ...]
    bias: float


Fit = LinearFit | TreesFit


def fit(learner: Learner, sample: Sample) -> Fit:
    """Train.

    Raises:
        ModuleFailed: a setting that cannot be read, or data that the learner cannot use.
    """
    try:
        match learner.module:
            case "Linear Regression":
                return _least_squares(learner, sample)
            case "Two-Class Logistic Regression":
                return _logistic(learner, sample)
            case "Boosted Decision Tree Regression":
                return _boosted(learner, sample)
            case "Two-Class Boosted Decision Tree":
                return _boosted(learner, sample)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise library_failure(learner.module, str(error).splitlines()[0]) from error
    raise ModuleFailed(learner.module, "0033", "InvalidLearner", f"The emulator has no learner {learner.module!r}.")


def _setting(learner: Learner, names: str, default: float, least: float) -> float:
    """A number by the setting's name; several spellings with `|` between them (documentation and module differ)."""
    name = next((name for name in names.split("|") if learner.settings.get(name, "") != ""), None)
    if name is None:
        return default
    text = learner.settings[name]
    try:
        value = float(text)
    except ValueError:
        raise ModuleFailed(
            learner.module, "0002", "ParameterParsing", f"The parameter {name!r} cannot be parsed: {text!r}."
        ) from None
    if not least <= value < float("inf"):
        raise ModuleFailed(
            learner.module, "0007", "LessThan", f"The parameter {name!r} is {text}, less than the minimum {least:g}."
        )
    return value


def _least_squares(learner: Learner, sample: Sample) -> LinearFit:
    """Ordinary least squares with Studio's small ridge penalty; the intercept is not penalised."""
    penalty = _setting(learner, "L2 regularization weight", 0.001, 0)
    centre = sample.matrix.mean(axis=0)
    mean = float(sample.target.mean())
    shifted = sample.matrix - centre
    if penalty == 0:
        weights = np.linalg.lstsq(shifted, sample.target - mean, rcond=None)[0]
    else:
        gram = shifted.T @ shifted + penalty * np.eye(shifted.shape[1])
        weights = np.linalg.solve(gram, shifted.T @ (sample.target - mean))
    return LinearFit(weights=weights, bias=mean - float(centre @ weights))


def _logistic(learner: Learner, sample: Sample) -> LinearFit:
    """L-BFGS on columns brought to 0..1, as Studio does; the scaling is folded into the weights.

    The L1 penalty of Studio's learner is not applied: scikit-learn has it only with a much slower solver.
    """
    from sklearn.linear_model import LogisticRegression

    penalty = max(_setting(learner, "L2 regularization weight", 1.0, 0), _SOLID_L2)
    tolerance = _setting(learner, "Optimization tolerance", 1e-7, 0)
    low = sample.matrix.min(axis=0)
    span = sample.matrix.max(axis=0) - low
    span[span == 0] = 1.0
    model = LogisticRegression(C=1.0 / penalty, tol=max(tolerance, 1e-9), max_iter=2000)
    model.fit((sample.matrix - low) / span, sample.target)
    weights = model.coef_[0] / span
    return LinearFit(weights=weights, bias=float(model.intercept_[0]) - float(low @ weights))


def _boosted(learner: Learner, sample: Sample) -> TreesFit:
    from sklearn import config_context
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    leaves = int(_setting(learner, "Maximum number of leaves per tree|Number of leaves", 20, 2))
    rate = _setting(learner, "Learning rate", 0.2, 1e-6)
    settings = {
        "n_estimators": int(_setting(learner, _TREES, 100, 1)),
        "learning_rate": rate,
        "max_leaf_nodes": leaves,
        "max_depth": None,
        "min_samples_leaf": int(_setting(learner, _LEAST_LEAF, 10, 1)),
        "random_state": int(_setting(learner, "Random number seed", 0, 0)),
    }
    mean = float(sample.target.mean())
    kind = GradientBoostingClassifier if learner.two_class else GradientBoostingRegressor
    # Settings and data were checked above; for small data scikit-learn's own checks cost as much as the training.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        model = kind(**settings).fit(sample.matrix, sample.target)
    bias = float(np.log(mean / (1 - mean))) if learner.two_class else mean
    trees = tuple(_tree(stage[0].tree_, rate) for stage in model.estimators_)
    return TreesFit(trees=trees, bias=bias)


def _tree(tree: Any, rate: float) -> tuple[NDArray[Any], ...]:
    return (tree.feature, tree.threshold, tree.children_left, tree.children_right, tree.value[:, 0, 0] * rate)
