"""Every model that LightGBM writes for us passes, and nothing that would crash it does."""

import re
from collections.abc import Callable

import lightgbm
import numpy as np
import pytest

from leap.bundle.structure import check_text_model
from leap.errors import BundleError

FEATURES = 5
ROWS = 600


def trained(rounds: int = 8, categorical: tuple[int, ...] = (), **settings: object) -> str:
    random = np.random.default_rng(7)
    features = random.normal(size=(ROWS, FEATURES))
    features[:, 3] = random.integers(0, 40, ROWS)
    features[:, 4] = random.integers(0, 4, ROWS)
    features[::5, 1] = np.nan
    score = features[:, 0] + (features[:, 3] % 3) + (features[:, 4] == 2) + random.normal(size=ROWS)
    outcome = (score > 1.5).astype(float) if settings.get("objective") == "binary" else np.abs(score)
    data = lightgbm.Dataset(features, outcome, categorical_feature=list(categorical), params={"verbose": -1})
    plan = {"objective": "regression", "verbose": -1, "num_threads": 1, "seed": 1, **settings}
    return str(lightgbm.train(plan, data, rounds).model_to_string())


KINDS: dict[str, Callable[[], str]] = {
    "regression": lambda: trained(),
    "binary": lambda: trained(objective="binary"),
    "cross_entropy": lambda: trained(objective="binary", boost_from_average=False),
    "absolute error": lambda: trained(objective="regression_l1"),
    "quantile": lambda: trained(objective="quantile", alpha=0.9),
    "tweedie": lambda: trained(objective="tweedie", tweedie_variance_power=1.3),
    "poisson": lambda: trained(objective="poisson"),
    "huber": lambda: trained(objective="huber"),
    "stumps": lambda: trained(num_leaves=2),
    "four leaves": lambda: trained(num_leaves=4, learning_rate=0.03, lambda_l2=10),
    "31 leaves": lambda: trained(60, num_leaves=31, min_data_in_leaf=5),
    "255 leaves": lambda: trained(2, num_leaves=255, min_data_in_leaf=1),
    "one leaf": lambda: trained(min_data_in_leaf=ROWS),
    "one leaf, binary": lambda: trained(objective="binary", min_data_in_leaf=ROWS),
    "categories": lambda: trained(categorical=(3, 4), min_data_per_group=5, cat_smooth=1),
    "one-hot categories": lambda: trained(categorical=(4,), max_cat_to_onehot=10, objective="binary"),
    "only categories": lambda: trained(categorical=(0, 1, 2, 3, 4)),
    "zero as missing": lambda: trained(zero_as_missing=True),
    "no missing": lambda: trained(use_missing=False),
    "monotone": lambda: trained(monotone_constraints=[1, -1, 0, 0, 0]),
    "bagging": lambda: trained(bagging_fraction=0.5, bagging_freq=1, feature_fraction=0.5),
    "extra trees": lambda: trained(extra_trees=True, path_smooth=1),
    "dart": lambda: trained(boosting="dart"),
}


@pytest.fixture(scope="module")
def plain() -> str:
    return trained(num_leaves=4)


@pytest.fixture(scope="module")
def categorical() -> str:
    return trained(categorical=(3,), min_data_per_group=5, cat_smooth=1)


def refused(text: str, *words: str, n_features: int | None = FEATURES) -> None:
    with pytest.raises(BundleError) as caught:
        check_text_model(text, n_features=n_features, source="models/test.txt")
    for word in ("models/test.txt", *words):
        assert word in str(caught.value)


def changed(text: str, line: str, old: str, new: str, tree: int = 0) -> str:
    """The model with a change in one line of a tree, and tree_sizes put right so that only the change is wrong."""
    start = text.index(f"Tree={tree}\n")
    end = text.index("\n\n\n", start)
    block = text[start:end]
    other = re.sub(rf"(?m)^({line}=.*)$", lambda found: found[1].replace(old, new, 1), block)
    assert other != block
    sizes = re.search(r"(?m)^tree_sizes=(.*)$", text)
    assert sizes
    counts = sizes[1].split(" ")
    counts[tree] = str(int(counts[tree]) + len(other.encode()) - len(block.encode()))
    text = text[:start] + other + text[end:]
    return text.replace(sizes[0], "tree_sizes=" + " ".join(counts))


def first(text: str, line: str, tree: int = 0) -> str:
    found = re.search(rf"(?m)^{line}=([^ \n]*)", text[text.index(f"Tree={tree}\n") :])
    assert found
    return found[1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_lightgbm_writes_passes(kind: str) -> None:
    text = KINDS[kind]()
    check_text_model(text, n_features=FEATURES, source=kind)
    check_text_model(text, n_features=None, source=kind)
    # What was saved, loaded and saved again is what a bundle holds.
    again = lightgbm.Booster(model_str=text).model_to_string()
    check_text_model(again, n_features=FEATURES, source=kind)


def test_another_number_of_features_is_refused(plain: str) -> None:
    refused(plain, "expected 4 feature(s), found 5", n_features=4)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_models_are_refused(plain: str, share: float) -> None:
    refused(plain[: int(len(plain) * share)])


def test_a_model_cut_off_anywhere_is_refused(plain: str) -> None:
    for end in range(0, len(plain) - 1, 37):
        refused(plain[:end])


def test_windows_line_ends_are_refused(plain: str) -> None:
    refused(plain.replace("\n", "\r\n"), "line ends")


def test_a_cycle_is_refused(plain: str) -> None:
    refused(changed(plain, "left_child", first(plain, "left_child"), "0"), "twice")


def test_a_leaf_reached_twice_is_refused(plain: str) -> None:
    children = re.search(r"(?m)^right_child=(.*)$", plain)
    assert children
    leaf = next(child for child in children[1].split(" ") if child.startswith("-"))
    other = "-1" if leaf != "-1" else "-2"
    refused(changed(plain, "right_child", leaf, other), "twice")


@pytest.mark.parametrize("child", ["3", "999999", "-5", "-999999", "1.5", "x", "", "9" * 30])
def test_a_child_out_of_range_is_refused(plain: str, child: str) -> None:
    refused(changed(plain, "left_child", first(plain, "left_child"), child), "tree 0")


@pytest.mark.parametrize("feature", ["5", "-1", "100000", "0x1"])
def test_a_feature_out_of_range_is_refused(plain: str, feature: str) -> None:
    refused(changed(plain, "split_feature", first(plain, "split_feature"), feature), "tree 0")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "", "1_0", "0x10", "1,5", "١"])
@pytest.mark.parametrize("line", ["leaf_value", "threshold", "internal_value", "shrinkage", "leaf_weight"])
def test_numbers_that_are_not_finite_are_refused(plain: str, line: str, value: str) -> None:
    if (line, value) == ("threshold", "inf"):  # parts all numbers from missing ones: LightGBM writes it itself
        check_text_model(changed(plain, line, first(plain, line), value), n_features=None, source="plain")
        return
    refused(changed(plain, line, first(plain, line), value), "tree 0")


@pytest.mark.parametrize("line", ["leaf_value", "threshold", "left_child", "decision_type", "leaf_count"])
def test_arrays_of_another_length_are_refused(plain: str, line: str) -> None:
    value = first(plain, line)
    refused(changed(plain, line, value, f"{value} {value}"), "expected")


@pytest.mark.parametrize("leaves", ["0", "-1", "5", "999999999", "two"])
def test_another_number_of_leaves_is_refused(plain: str, leaves: str) -> None:
    refused(changed(plain, "num_leaves", "4", leaves), "tree 0")


@pytest.mark.parametrize("decision", ["1", "16", "-1", "12", "255"])
def test_unknown_decisions_are_refused(plain: str, decision: str) -> None:
    refused(changed(plain, "decision_type", first(plain, "decision_type"), decision), "tree 0")


def test_damaged_category_sets_are_refused(categorical: str) -> None:
    tree = next(n for n in range(8) if "cat_threshold" in categorical.split(f"Tree={n}\n")[1].split("\n\n\n")[0])

    def altered(line: str, new: str) -> str:
        return changed(categorical, line, first(categorical, line, tree), new, tree)

    refused(altered("cat_boundaries", "1"), "cat_boundaries")
    refused(altered("cat_threshold", "4294967296"), "32 bits")
    refused(altered("cat_threshold", "-1"), "32 bits")
    refused(altered("num_cat", "9"))
    refused(altered("num_cat", "0"))


def test_linear_leaves_and_several_classes_are_refused(plain: str) -> None:
    refused(changed(plain, "is_linear", "0", "1"), "linear")
    refused(plain.replace("num_class=1", "num_class=3"), "num_class")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version=v4", "version=v9"),
        ("tree\n", "forest\n"),
        ("max_feature_idx=4", "max_feature_idx=400000000"),
        ("max_feature_idx=4", "max_feature_idx=-1"),
        ("label_index=0\n", ""),
        ("label_index=0\n", "label_index=0\nlabel_index=0\n"),
        ("label_index=0\n", "label_index=0\nsurprise=1\n"),
        ("feature_names=Column_0 ", "feature_names="),
        ("objective=regression", "objective=../regression"),
        ("tree_sizes=", "tree_sizes=1 "),
        ("tree_sizes=", "tree_sizes=-"),
        ("Tree=1\n", "Tree=7\n"),
        ("end of trees", "end of treez"),
        ("end of parameters", "end of parameterz"),
        ("[boosting: gbdt]", "boosting: gbdt"),
        ("pandas_categorical:null", 'pandas_categorical:[["a"]]'),
        ("pandas_categorical:null", "pandas_categorical:" + "[" * 100_000),
        ("Column_0", "Column\0"),
    ],
)
def test_a_damaged_frame_is_refused(plain: str, old: str, new: str) -> None:
    assert old in plain
    refused(plain.replace(old, new, 1))


def test_random_changes_never_hang_or_raise_anything_else(plain: str) -> None:
    random = np.random.default_rng(3)
    content = plain.encode()
    for _ in range(400):
        damaged = bytearray(content)
        damaged[random.integers(len(content))] ^= 1 << int(random.integers(8))
        try:
            check_text_model(damaged.decode(errors="replace"), n_features=FEATURES, source="x")
        except BundleError:
            continue
