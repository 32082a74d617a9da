"""A strict reader of LightGBM's text model, in Python, because LightGBM's own one trusts what it reads.

A wrong index in `left_child` or `split_feature` is a crash or an endless loop in native code that no `except`
can catch, and a `nan` leaf is a score that is not a number. Whatever passes here has the shape that LightGBM
itself writes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from leap.errors import BundleError

MAX_TREES: Final = 100_000
MAX_LEAVES: Final = 131_072

_HEADER = {
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
    "tree_sizes",
}
_HEADER_OPTIONAL = {"monotone_constraints"}
_PER_NODE = (
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "internal_value",
    "internal_weight",
    "internal_count",
)
_PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
_TREE = {"num_leaves", "num_cat", *_PER_NODE, *_PER_LEAF, "is_linear", "shrinkage"}
_CATEGORICAL = {"cat_boundaries", "cat_threshold"}

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_OBJECTIVE = re.compile(r"[a-z0-9_]+(?: [a-z_]+(?::[0-9.eE+-]+)?)*")
_PARAMETER = re.compile(r"\[[a-z0-9_]+: [^\]]*\]")
_KNOWN_VERSIONS = ("v3", "v4")
_CATEGORICAL_BIT = 1
_LARGEST_DECISION = 0b1011  # categorical, default left, and the missing type (none 0, zero 1, nan 2) in bits 2 and 3


def check_text_model(text: str, *, n_features: int | None, source: str) -> None:
    """Raise BundleError unless `text` is a whole LightGBM model of `n_features` features; `source` names it
    in messages.

    With `n_features` None the count in the model's own header is taken.
    """
    try:
        _Reader(text, source).check(n_features)
    except RecursionError as error:  # a deeply nested pandas_categorical
        raise BundleError(f"{source}: the model is nested too deeply to be one of ours.") from error


@dataclass(frozen=True)
class _Reader:
    text: str
    source: str

    def check(self, n_features: int | None) -> None:
        self._check_characters()
        header_text, _, rest = self.text.partition("\n\n")
        header = self._header(header_text)
        features = self._check_header(header, n_features)
        trees_text, after = self._split_trees(header, rest)
        for number, tree in enumerate(trees_text):
            self._check_tree(number, tree, features)
        self._check_footer(after)

    def fail(self, message: str) -> BundleError:
        return BundleError(
            f"{self.source}: not a whole LightGBM model: {message}.",
            remedy="The file is damaged or was made by hand; fetch it again or train anew.",
        )

    def _check_characters(self) -> None:
        if "\r" in self.text:
            raise self.fail("it has Windows line ends (\\r), which crash LightGBM's reader")
        if "\0" in self.text:
            raise self.fail("it holds a NUL character")

    def _header(self, header: str) -> dict[str, str]:
        lines = header.split("\n")
        if lines[0] != "tree":
            raise self.fail(f"the first line must be 'tree', found {lines[0][:40]!r}")
        fields = self._fields(lines[1:], "the header")
        missing, unknown = _HEADER - fields.keys(), fields.keys() - _HEADER - _HEADER_OPTIONAL
        if missing or unknown:
            raise self.fail(f"the header misses {sorted(missing)} and has unknown {sorted(unknown)}")
        return fields

    def _check_header(self, header: Mapping[str, str], n_features: int | None) -> int:
        """Check the header; the number of features."""
        if header["version"] not in _KNOWN_VERSIONS:
            raise self.fail(f"expected version {' or '.join(_KNOWN_VERSIONS)}, found {header['version'][:40]!r}")
        for key in ("num_class", "num_tree_per_iteration"):
            if header[key] != "1":
                raise self.fail(f"expected {key}=1, found {header[key][:40]!r}")
        if not _OBJECTIVE.fullmatch(header["objective"]):
            raise self.fail(f"unreadable objective {header['objective'][:40]!r}")
        count = self._integer(header["max_feature_idx"], "max_feature_idx") + 1
        if count < 1 or (n_features is not None and count != n_features):
            raise self.fail(f"expected {n_features if n_features is not None else 'some'} feature(s), found {count}")
        for key in ("feature_names", "feature_infos", "monotone_constraints"):
            if key in header and len(header[key].split(" ")) != count:
                raise self.fail(f"{key} has {len(header[key].split(' '))} entries for {count} feature(s)")
        return count

    def _split_trees(self, header: Mapping[str, str], rest: str) -> tuple[list[str], str]:
        """The text of each tree by the header's sizes (in bytes), and what follows `end of trees`."""
        sizes = self._integers(header["tree_sizes"], "tree_sizes")
        if len(sizes) > MAX_TREES:
            raise self.fail(f"it has {len(sizes)} trees; expected at most {MAX_TREES}")
        if any(size <= 0 for size in sizes):
            raise self.fail("a tree has no size")
        data, position, trees = rest.encode(), 0, []
        for number, size in enumerate(sizes):
            block = data[position : position + size]
            if not block.startswith(f"Tree={number}\n".encode()) or not block.endswith(b"\n\n"):
                raise self.fail(f"tree {number} of {len(sizes)} is not where tree_sizes says")
            trees.append(block.decode(errors="replace").rstrip("\n"))
            position += size
        end = b"end of trees\n"
        if data[position : position + len(end)] != end:
            raise self.fail(f"'end of trees' is not found after {len(sizes)} tree(s)")
        return trees, data[position + len(end) :].decode(errors="replace")

    def _check_tree(self, number: int, text: str, n_features: int) -> None:
        where = f"tree {number}"
        fields = self._fields(text.split("\n")[1:], where)
        categories = self._integer(fields.get("num_cat", ""), f"{where} num_cat")
        expected = _TREE | (_CATEGORICAL if categories > 0 else set())
        if fields.keys() != expected:
            raise self.fail(
                f"{where} misses {sorted(expected - fields.keys())} and has unknown {sorted(fields.keys() - expected)}"
            )
        if fields["is_linear"] != "0":
            raise self.fail(f"{where} has linear leaves, which are not supported")
        leaves = self._integer(fields["num_leaves"], f"{where} num_leaves")
        if not 1 <= leaves <= MAX_LEAVES:
            raise self.fail(f"{where} has {leaves} leaves; expected 1 to {MAX_LEAVES}")
        nodes = leaves - 1
        self._check_values(where, fields, nodes, leaves)
        self._check_splits(where, fields, nodes, n_features, categories)
        self._check_children(where, fields, nodes)

    def _check_values(self, where: str, fields: Mapping[str, str], nodes: int, leaves: int) -> None:
        self._numbers(fields["shrinkage"], f"{where} shrinkage", 1)
        for key in ("split_gain", "threshold", "internal_value", "internal_weight", "internal_count"):
            # LightGBM writes "inf" where it parts all numbers from missing ones.
            self._numbers(fields[key], f"{where} {key}", nodes, also="inf" if key == "threshold" else "")
        for key in _PER_LEAF:
            # A tree of one leaf is written with its value and, for some objectives, without weight.
            if leaves == 1 and key != "leaf_value" and not fields[key]:
                continue
            self._numbers(fields[key], f"{where} {key}", leaves)

    def _check_splits(
        self, where: str, fields: Mapping[str, str], nodes: int, n_features: int, categories: int
    ) -> None:
        for feature in self._integers(fields["split_feature"], f"{where} split_feature", nodes):
            if not 0 <= feature < n_features:
                raise self.fail(f"{where} splits on feature {feature}; expected 0 to {n_features - 1}")
        decisions = self._integers(fields["decision_type"], f"{where} decision_type", nodes)
        for decision in decisions:
            if not 0 <= decision <= _LARGEST_DECISION:
                raise self.fail(f"{where} has the unknown decision_type {decision}")
        thresholds = fields["threshold"].split(" ")
        used = [thresholds[node] for node, decision in enumerate(decisions) if decision & _CATEGORICAL_BIT]
        if len(used) != categories:
            raise self.fail(f"{where} has {len(used)} categorical split(s) where num_cat says {categories}")
        for index in used:
            if not 0 <= self._integer(index, f"{where} threshold") < categories:
                raise self.fail(f"{where} refers to category set {index}; expected 0 to {categories - 1}")
        if categories:
            self._check_categories(where, fields, categories)

    def _check_categories(self, where: str, fields: Mapping[str, str], categories: int) -> None:
        bounds = self._integers(fields["cat_boundaries"], f"{where} cat_boundaries", categories + 1)
        if bounds[0] != 0 or any(low >= high for low, high in pairwise(bounds)):
            raise self.fail(f"{where} has cat_boundaries that do not rise from 0")
        for bits in self._integers(fields["cat_threshold"], f"{where} cat_threshold", bounds[-1]):
            if not 0 <= bits < 2**32:
                raise self.fail(f"{where} has a cat_threshold outside 32 bits")

    def _check_children(self, where: str, fields: Mapping[str, str], nodes: int) -> None:
        """Walk from the root: every node and every leaf is reached exactly once, so there is no cycle and no
        orphan.

        A child >= 0 is a node, a negative one is the leaf `-child - 1`.
        """
        left = self._integers(fields["left_child"], f"{where} left_child", nodes)
        right = self._integers(fields["right_child"], f"{where} right_child", nodes)
        if nodes == 0:
            return
        seen = {0}
        waiting = [0]
        while waiting:
            node = waiting.pop()
            for child in (left[node], right[node]):
                if not -(nodes + 1) <= child < nodes:
                    raise self.fail(
                        f"{where} node {node} has the child {child}; expected {-(nodes + 1)} to {nodes - 1}"
                    )
                if child in seen:
                    raise self.fail(f"{where} reaches {child} twice (at node {node}): a cycle or a shared child")
                seen.add(child)
                if child >= 0:
                    waiting.append(child)
        if len(seen) != 2 * nodes + 1:
            raise self.fail(f"{where} reaches {len(seen)} of its {2 * nodes + 1} nodes and leaves")

    def _check_footer(self, after: str) -> None:
        head, found, categorical = after.rpartition("\npandas_categorical:")
        if not found:
            raise self.fail("the last line must be 'pandas_categorical'")
        try:
            levels = json.loads(categorical)
        except ValueError as error:
            raise self.fail("the line 'pandas_categorical' is damaged") from error
        # Leap encodes categories itself and gives LightGBM numbers only.
        if levels:
            raise self.fail("it holds categories of pandas, which no model of Leap does")
        importances, found, parameters = head.partition("\nparameters:\n")
        if not importances.startswith("\nfeature_importances:\n") or not found:
            raise self.fail("'feature_importances' or 'parameters' is missing after the trees")
        lines, found, rest = parameters.partition("\n\nend of parameters\n")
        if not found or rest.strip("\n"):
            raise self.fail("'end of parameters' is missing or something follows it")
        for line in lines.split("\n"):
            if not _PARAMETER.fullmatch(line):
                raise self.fail(f"unreadable parameter {line[:60]!r}")

    def _fields(self, lines: Sequence[str], where: str) -> dict[str, str]:
        fields: dict[str, str] = {}
        for line in lines:
            key, found, value = line.partition("=")
            if not found or key in fields:
                raise self.fail(f"{where} has {'a second ' + key if found else 'an unreadable line'}: {line[:60]!r}")
            fields[key] = value
        return fields

    def _integer(self, word: str, where: str) -> int:
        if not _INTEGER.fullmatch(word):
            raise self.fail(f"{where}: expected a whole number, found {word[:40]!r}")
        return int(word)

    def _integers(self, words: str, where: str, count: int | None = None) -> list[int]:
        values = [self._integer(word, where) for word in words.split(" ")] if words else []
        self._check_count(values, where, count)
        return values

    def _numbers(self, words: str, where: str, count: int, also: str = "") -> None:
        values = words.split(" ") if words else []
        self._check_count(values, where, count)
        for word in values:
            if word == also and word:
                continue
            if not _NUMBER.fullmatch(word) or not math.isfinite(float(word)):
                raise self.fail(f"{where}: expected a finite number, found {word[:40]!r}")

    def _check_count(self, values: Sequence[object], where: str, count: int | None) -> None:
        if count is not None and len(values) != count:
            raise self.fail(f"{where} has {len(values)} value(s); expected {count}")
