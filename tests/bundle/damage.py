"""Damaged bundles of every kind that disks, transfers and people make: each is a change of a good one, by name.

`CANDIDATES` are those that must be refused, with the step of the ladder and the word that its reason must hold. "mended"
means that the manifest was made right again; "unsealed" that the seal inside `bundle.json` was taken out too, so that
only what a file says can give it away.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leap.bundle.files import MANIFEST, manifest_of, sha256

DOCUMENT = "bundle.json"
TREES = "models/health_expansion_size.txt"
OTHER_TREES = "models/health_direct.txt"
FILES = (DOCUMENT, TREES, OTHER_TREES)

Files = dict[str, bytes]
Make = Callable[[Path], None]
"""Damages a good bundle, a copy in a folder of its own."""


@dataclass(frozen=True)
class Candidate:
    """A damage, the step at which it must be refused, and what the reason must name."""

    name: str
    step: str
    names: str
    make: Make


def content_of(folder: Path) -> Files:
    """The files by name, without the manifest, whatever it says."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def rewritten(folder: Path, content: Mapping[str, bytes], manifest: bytes | None = None) -> None:
    """The folder with this content and a manifest that fits it, or another one."""
    shutil.rmtree(folder)
    for name, data in {**content, MANIFEST: manifest_of(content) if manifest is None else manifest}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def raw(name: str, change: Callable[[bytes], bytes]) -> Make:
    """One file changed as a disk would."""

    def make(folder: Path) -> None:
        path = folder / name
        before = path.read_bytes()
        after = change(before)
        assert after != before
        path.write_bytes(after)

    return make


def mended(name: str, change: Callable[[bytes], bytes], *, unsealed: bool = True) -> Make:
    """One file changed, and the manifest as it must be then."""

    def make(folder: Path) -> None:
        content = content_of(folder)
        if unsealed and name != DOCUMENT:
            content[DOCUMENT] = without_seal(content[DOCUMENT])
        after = change(content[name])
        assert after != content[name]
        rewritten(folder, {**content, name: after})

    return make


def edited(change: Callable[[dict[str, Any]], object], *, unsealed: bool = True) -> Make:
    """The document changed as data, and the manifest as it must be then."""

    def apply(content: bytes) -> bytes:
        document = json.loads(content)
        if unsealed:
            del document["seal"]
        change(document)
        return json.dumps(document).encode()

    return mended(DOCUMENT, apply)


def listed(change: Callable[[dict[str, Any]], object]) -> Make:
    """The manifest changed as data."""

    def apply(content: bytes) -> bytes:
        manifest = json.loads(content)
        change(manifest)
        return json.dumps(manifest).encode()

    return raw(MANIFEST, apply)


def without_seal(document: bytes) -> bytes:
    """The document as one that was never sealed."""
    found = json.loads(document)
    found.pop("seal", None)
    return json.dumps(found).encode()


def sealed_anew(folder: Path) -> None:
    """Seal and manifest made right again: nothing inside gives the change away any more."""
    content = content_of(folder)
    document = json.loads(content[DOCUMENT])
    document.pop("seal", None)
    plain = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    texts = {name: sha256(data) for name, data in content.items() if name != DOCUMENT}
    document["seal"] = {"document": sha256(plain), "files": texts}
    rewritten(folder, {**content, DOCUMENT: json.dumps(document).encode()})


def flipped(seed: int) -> Callable[[bytes], bytes]:
    """One bit turned over, somewhere."""

    def change(content: bytes) -> bytes:
        random = np.random.default_rng(seed)
        damaged = bytearray(content)
        damaged[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
        return bytes(damaged)

    return change


def cut(share: float) -> Callable[[bytes], bytes]:
    """The beginning of a file."""
    return lambda content: content[: min(int(len(content) * share), len(content) - 1)]


def digit(line: str) -> Callable[[bytes], bytes]:
    """One digit of the first number of a line of a tree, another one."""

    def change(content: bytes) -> bytes:
        start = content.index(f"\n{line}=".encode()) + len(line) + 2
        place = next(i for i in range(start, len(content)) if chr(content[i]) in "123456789")
        return content[:place] + (b"8" if content[place : place + 1] != b"8" else b"7") + content[place + 1 :]

    return change


def number(line: str, value: str, place: int = 0) -> Callable[[bytes], bytes]:
    """A number of a line of the first tree replaced, with the tree's size put right."""

    def change(content: bytes) -> bytes:
        text = content.decode()
        begin = text.index("Tree=0\n")
        end = text.index("Tree=1\n")
        lines = text[begin:end].split("\n")
        at = next(i for i, one in enumerate(lines) if one.startswith(f"{line}="))
        values = lines[at].split("=")[1].split(" ")
        values[place] = value
        lines[at] = f"{line}={' '.join(values)}"
        tree = "\n".join(lines)
        sizes = text[text.index("tree_sizes=") :].split("\n", 1)[0]
        first, *rest = sizes.removeprefix("tree_sizes=").split(" ")
        assert int(first) == end - begin
        text = text[:begin] + tree + text[end:]
        return text.replace(sizes, "tree_sizes=" + " ".join([str(len(tree)), *rest]), 1).encode()

    return change


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """The first of some bytes replaced."""
    return lambda content: content.replace(old, new, 1)


def at(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """The value at a path such as `health.churn.size` replaced."""

    def change(document: dict[str, Any]) -> None:
        *above, last = path.split(".")
        for key in above:
            document = document[int(key) if isinstance(document, list) else key]
        document[last] = value(document[last]) if callable(value) else value

    return change


def on_disk(change: Callable[[Path], object]) -> Make:
    """The folder itself changed."""

    def make(folder: Path) -> None:
        change(folder)

    return make


def _disk() -> Iterator[Candidate]:
    """What happens to files alone; the manifest tells."""
    for name in FILES:
        for share in (0.0, 0.25, 0.5, 0.9, 1.0):
            yield Candidate(f"{name} cut at {share:.0%}", "files", name, raw(name, cut(share)))
        for seed in range(10):
            yield Candidate(f"{name} bit {seed}", "files", name, raw(name, flipped(seed)))
        yield Candidate(f"{name} with CRLF", "files", name, raw(name, lambda c: c.replace(b"\n", b"\r\n")))
        yield Candidate(f"{name} with a tail", "files", name, raw(name, lambda c: c + b"\n"))
        yield Candidate(f"{name} of zeros", "files", name, raw(name, lambda c: bytes(len(c))))
        yield Candidate(f"{name} gone", "files", name, on_disk(lambda f, n=name: (f / n).unlink()))  # type: ignore[misc]
    for line in ("leaf_value", "threshold"):
        yield Candidate(f"a digit of {line}", "files", TREES, raw(TREES, digit(line)))
    for share in (0.0, 0.3, 0.6, 0.99):
        yield Candidate(f"manifest cut at {share:.0%}", "files", MANIFEST, raw(MANIFEST, cut(share)))
    for seed in range(8):
        yield Candidate(f"manifest bit {seed}", "files", "", raw(MANIFEST, flipped(seed)))
    yield Candidate("no manifest", "files", MANIFEST, on_disk(lambda f: (f / MANIFEST).unlink()))
    yield Candidate("no folder", "files", "no such bundle", on_disk(shutil.rmtree))
    yield Candidate("an empty folder", "files", MANIFEST, on_disk(lambda f: (shutil.rmtree(f), f.mkdir())))
    yield Candidate("files exchanged", "files", TREES, on_disk(_exchange_names))


def _exchange_names(folder: Path) -> None:
    one, two = folder / TREES, folder / DOCUMENT
    one.rename(folder / "x")
    two.rename(one)
    (folder / "x").rename(two)


def _places() -> Iterator[Candidate]:
    """Names that lead elsewhere, and what is no plain file."""
    for name in (
        "../outside.txt", "/etc/passwd", "models/../../outside.txt", "models\\churn.txt", "", ".", "models//churn.txt",
        "models/", "n" * 300, "models/\u202echurn.txt", "a/b/c/d/e.txt", "models/churn\n.txt", "models/.hidden", "C:x",
    ):  # fmt: skip
        add = at("files", lambda files, n=name: {**files, n: {"bytes": 1, "sha256": "0" * 64}})
        yield Candidate(f"named {name[:30]!r}", "files", "not a name of a file inside the bundle", listed(add))
    yield Candidate("a link", "files", TREES, on_disk(lambda f: _linked(f / TREES, f.parent / "aside")))
    yield Candidate("a link to a device", "files", TREES, on_disk(lambda f: _link_to(f / TREES, Path("/dev/zero"))))
    yield Candidate("a dangling link", "files", TREES, on_disk(lambda f: _link_to(f / TREES, Path("/nowhere"))))
    yield Candidate("a linked folder", "files", "models", on_disk(lambda f: _linked(f / "models", f.parent / "aside")))
    yield Candidate("a link to itself", "files", TREES, on_disk(lambda f: _link_to(f / TREES, f / TREES)))
    yield Candidate("a linked bundle", "files", "link", on_disk(lambda f: _linked(f, f.parent / "aside")))
    yield Candidate("a pipe", "files", TREES, on_disk(lambda f: ((f / TREES).unlink(), os.mkfifo(f / TREES))))
    yield Candidate(
        "a folder for a file", "files", TREES, on_disk(lambda f: ((f / TREES).unlink(), (f / TREES).mkdir()))
    )
    yield Candidate("a further file", "files", "notes.txt", on_disk(lambda f: (f / "notes.txt").write_text("x")))
    yield Candidate("a hidden file", "files", ".x", on_disk(lambda f: (f / ".x").write_text("x")))
    yield Candidate("a deep folder", "files", "deep", on_disk(lambda f: (f / "a/b/c/d/e/f/g").mkdir(parents=True)))
    yield Candidate(
        "many files", "files", "1000",
        on_disk(lambda f: [(f / f"n{i}").touch() for i in range(1100)]),
    )  # fmt: skip


def _link_to(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


def _linked(path: Path, aside: Path) -> None:
    path.rename(aside)
    path.symlink_to(aside)


def _sizes() -> Iterator[Candidate]:
    """What is too large, or claims to be."""

    def sparse(folder: Path) -> None:
        os.truncate(folder / TREES, 1 << 30)

    def sparse_and_listed(folder: Path) -> None:
        sparse(folder)
        listed(at("files", lambda files: {**files, TREES: {**files[TREES], "bytes": 1 << 30}}))(folder)

    yield Candidate("a gigabyte of nothing", "files", "", on_disk(sparse))
    yield Candidate("a gigabyte of nothing, listed", "files", "bytes", on_disk(sparse_and_listed))
    yield Candidate("a manifest of megabytes", "files", MANIFEST, raw(MANIFEST, lambda c: c + b" " * (1 << 21)))
    for claim in (-1, 10**30, 1.5, "812", True, None, [], 10**9):
        change = at("files", lambda files, claim=claim: {**files, TREES: {**files[TREES], "bytes": claim}})
        yield Candidate(f"a size of {str(claim)[:12]}", "files", "", listed(change))
    million = replaced(b"tree_sizes=", b"tree_sizes=" + b"9 " * 1_000_000)
    yield Candidate("a million trees", "structure", TREES, mended(TREES, million))
    yield Candidate("a tree of a million leaves", "structure", TREES, mended(TREES, number("num_leaves", "1000000")))
    yield Candidate("a billion features", "structure", TREES, mended(TREES, replaced(b"max_feature_idx=", b"max_feature_idx=99999999")))  # fmt: skip


def _manifests() -> Iterator[Candidate]:
    """A manifest that is JSON, and none of ours."""
    for name, text in (
        ("a list", b"[]"), ("null", b"null"), ("a text", b'"x"'), ("nothing", b"{}"), ("NaN", b'{"format": NaN, "files": {}}'),
        ("nested", b"[" * 100_000), ("a huge number", b'{"format": ' + b"9" * 5000 + b', "files": {}}'),
        ("with BOM", b"\xef\xbb\xbf{}"), ("in UTF-16", '{"format": 1, "files": {}}'.encode("utf-16")), ("in Latin-1", b'{"\xe4": 1}'),
    ):  # fmt: skip
        yield Candidate(f"manifest: {name}", "files", MANIFEST, raw(MANIFEST, lambda _, text=text: text))  # type: ignore[misc]
    for value in (2, 0, "1", True, 1.0, None):
        yield Candidate(f"manifest of format {value!r}", "files", "format", listed(at("format", value)))
    for value in ("A" * 64, "", None, 5, "0" * 63):
        change = at("files", lambda files, value=value: {**files, TREES: {**files[TREES], "sha256": value}})
        yield Candidate(f"a checksum {str(value)[:6]!r}", "files", "", listed(change))
    twice = replaced(b'"format": 1', b'"format": 2, "format": 1')
    yield Candidate("a key twice", "files", "twice", raw(MANIFEST, twice))
    yield Candidate("a further key", "files", MANIFEST, listed(lambda m: m.update(more=1)))
    yield Candidate("fewer files listed", "files", TREES, listed(lambda m: m["files"].pop(TREES)))


def _seals() -> Iterator[Candidate]:
    """One thing changed with the manifest made right: the seal tells."""
    for line in ("leaf_value", "threshold", "leaf_count", "shrinkage"):
        yield Candidate(f"a digit of {line}, mended", "schema", TREES, mended(TREES, digit(line), unsealed=False))
    for path, value in (
        ("health.churn.calibration.0", lambda x: x + 1e-9), ("health.churn.n_events", lambda x: x + 1),
        ("intervals.nominal", 0.5), ("economics", {}), ("quality.climb", "x"), ("trained.trained_on", "2030-01-01"),
        ("settings.company.name", "Another company"), ("golden.health.rows", []), ("icp.notes", ["x"]),
        ("peers.everyone", None), ("drivers", []), ("health.hazard", None),
    ):  # fmt: skip
        change = edited(_at_list(path, value), unsealed=False)
        yield Candidate(f"{path} changed, mended", "schema", DOCUMENT, change)
    exchange = on_disk(_exchange_texts)
    yield Candidate("trees exchanged, mended", "schema", TREES, exchange)
    yield Candidate(
        "a file more, mended", "schema", "seal", on_disk(lambda f: rewritten(f, {**content_of(f), "x.txt": b"x"}))
    )
    for seal in (None, {}, [], "x", {"files": {}, "document": ""}, {"files": None}):
        yield Candidate(f"a seal {seal!r}", "schema", DOCUMENT, edited(at("seal", seal), unsealed=False))


def _exchange_texts(folder: Path) -> None:
    content = content_of(folder)
    other = content[TREES].replace(b"leaf_value=", b"leaf_value=-", 1)
    rewritten(folder, {**content, TREES: other})


def _at_list(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """As `at`, where the last step may be a place in a list."""
    *above, last = path.split(".")

    def change(document: Any) -> None:
        for key in above:
            document = document[int(key) if isinstance(document, list) else key]
        key: Any = int(last) if isinstance(document, list) else last
        document[key] = value(document[key]) if callable(value) else value

    return change


def _trees() -> Iterator[Candidate]:
    """What would crash LightGBM, make it run for ever or answer no number; nothing else gives it away."""
    for trees in (TREES, OTHER_TREES):
        for name, change in (
            ("a cycle", number("left_child", "0")), ("a self-reference", number("right_child", "0")),
            ("a child far out", number("left_child", "999999")), ("a leaf far out", number("left_child", "-999999")),
            ("a child in letters", number("left_child", "x")), ("a feature far out", number("split_feature", "100000")),
            ("a feature below zero", number("split_feature", "-1")), ("a leaf of nan", number("leaf_value", "nan")),
            ("a leaf of inf", number("leaf_value", "inf")), ("a leaf of 1e999", number("leaf_value", "1e999")),
            ("a threshold of nan", number("threshold", "nan")), ("a threshold of -inf", number("threshold", "-inf")),
            ("no leaf", number("leaf_value", "")), ("a leaf more", number("leaf_value", "0.1 0.1")),
            ("an unknown decision", number("decision_type", "255")), ("no leaves", number("num_leaves", "0")),
            ("linear leaves", number("is_linear", "1")), ("categories", number("num_cat", "3")),
            ("cut in half", cut(0.5)), ("cut at the end", cut(0.999)), ("nothing", lambda _: b""),
            ("CRLF", lambda c: c.replace(b"\n", b"\r\n")), ("a byte order mark", lambda c: b"\xef\xbb\xbf" + c),
            ("UTF-16", lambda c: c.decode().encode("utf-16")), ("NUL", replaced(b"Column", b"Col\0mn")),
            ("zeros", lambda c: bytes(len(c))), ("another number of columns", _fewer_columns),
            ("several classes", replaced(b"num_class=1", b"num_class=3")),
            ("another format", replaced(b"version=v4", b"version=v9")), ("two models", lambda c: c + c),
        ):  # fmt: skip
            step = "schema" if name == "UTF-16" else "structure"
            yield Candidate(f"{trees}: {name}", step, trees, mended(trees, change))
    yield Candidate(
        "trees in Latin-1", "schema", TREES, mended(TREES, replaced(b"feature_names=", b"feature_names=\xe4"))
    )


def _fewer_columns(content: bytes) -> bytes:
    """Trees of a model with one column more than the encoder has."""
    lines = content.decode().split("\n")
    for i, line in enumerate(lines):
        key, _, value = line.partition("=")
        if key == "max_feature_idx":
            lines[i] = f"{key}={int(value) + 1}"
        elif key in ("feature_names", "feature_infos"):
            lines[i] = f"{line} {'c_more' if key == 'feature_names' else 'none'}"
    return "\n".join(lines).encode()


def _documents() -> Iterator[Candidate]:
    """A document that is none of ours, whole or in a part."""
    for name, change in (
        ("nothing", lambda _: b""), ("a list", lambda _: b"[]"), ("null", lambda _: b"null"), ("a text", lambda _: b'"x"'),
        ("an empty object", lambda _: b"{}"), ("nested", lambda _: b'{"format": 1, "x": ' + b"[" * 200_000),
        ("a byte order mark", lambda c: b"\xef\xbb\xbf" + c), ("UTF-16", lambda c: c.decode().encode("utf-16")),
        ("Latin-1", replaced(b'"company"', b'"comp\xe4ny"')), ("cut in half", cut(0.5)), ("a tail", lambda c: c + b"{}"),
        ("NaN", replaced(b'"format": 1', b'"format": 1, "x": NaN')), ("infinity", replaced(b'"format": 1', b'"format": 1, "x": -Infinity')),
        ("1e999", replaced(b'"format": 1', b'"format": 1, "x": 1e999')), ("a huge number", replaced(b'"format": 1', b'"format": 1, "x": ' + b"9" * 5000)),
        ("a large number", replaced(b'"format": 1', b'"format": 1, "x": ' + b"9" * 40)), ("a key twice", replaced(b'"format": 1', b'"format": 1, "format": 1')),
        ("another format", replaced(b'"format": 1', b'"format": 2')), ("format true", replaced(b'"format": 1', b'"format": true')),
        ("no plain name", replaced(b'"file": "models/', b'"file": "../../models/')),
    ):  # fmt: skip
        yield Candidate(
            f"document: {name}", "schema", DOCUMENT, mended(DOCUMENT, lambda c, change=change: change(without_seal(c)))
        )  # type: ignore[misc]
    keys = (
        "settings", "catalog", "health", "fit", "intervals", "fit_intervals", "icp", "drivers", "fit_drivers", "quality",
        "economics", "trained", "golden", "groups", "fit_groups", "peers", "fit_peers", "dependence",
    )  # fmt: skip
    for key in keys:
        yield Candidate(f"without {key}", "schema", DOCUMENT, edited(lambda d, key=key: d.pop(key)))  # type: ignore[misc]
        yield Candidate(f"{key} is a number", "schema", DOCUMENT, edited(at(key, 7)))
        yield Candidate(f"{key} is null", "schema", DOCUMENT, edited(at(key, None)))
    yield Candidate("of a kind unknown", "schema", DOCUMENT, edited(lambda d: d.update(kind="other")))
    yield Candidate("of another kind", "schema", DOCUMENT, edited(lambda d: d.update(kind="flat")))
    yield Candidate(
        "of another horizon",
        "schema",
        "definitions",
        edited(lambda d: d["settings"].update(outcome={"horizon_months": 3})),
    )
    yield Candidate(
        "of another currency",
        "schema",
        "definitions",
        edited(lambda d: d["settings"].setdefault("company", {}).update(currency="JPY")),
    )
    yield Candidate(
        "with the trees of another part",
        "schema",
        TREES,
        edited(_at_list("health.expansion.sizing.learner.file", OTHER_TREES)),
    )
    yield Candidate("a file that no part names", "schema", "x.txt", on_disk(_one_more))


def _one_more(folder: Path) -> None:
    content = content_of(folder)
    rewritten(folder, {**content, DOCUMENT: without_seal(content[DOCUMENT]), "x.txt": b"x"})


def _golden() -> Iterator[Candidate]:
    """What only scoring tells."""

    def nudged(value: float) -> float:
        return value + 1e-6

    def exchanged(document: dict[str, Any]) -> None:
        health = document["health"]
        health["churn"], health["expansion"] = health["expansion"], health["churn"]

    for name, change in (
        ("a calibration", _at_list("health.churn.calibration.0", nudged)), ("a size", _at_list("health.expansion.size", nudged)),
        ("a slope in words", _at_list("health.churn.calibration.0", "steep")), ("no slope", _at_list("health.churn.calibration.0", None)),
        ("the direct level", _at_list("health.direct.level", nudged)), ("the order of columns", lambda d: d["health"]["encoder"]["source"].reverse()),
        ("an expected score", _at_list("golden.health.expected.p.0", nudged)), ("expected in words", _at_list("golden.health.expected.p.0", "0.1")),
        ("no golden rows", _at_list("golden.health.rows", [])), ("nothing expected", _at_list("golden.health.expected", {})),
        ("fewer golden rows", lambda d: d["golden"]["health"]["rows"].pop()), ("no golden fit rows", lambda d: d["golden"].pop("fit")),
        ("golden rows of others", lambda d: d["golden"].update(health=d["golden"]["fit"])),
        ("a golden row edited", lambda d: d["golden"]["health"]["rows"].__setitem__(0, dict.fromkeys(d["golden"]["health"]["rows"][0]))),
    ):  # fmt: skip
        yield Candidate(f"golden: {name}", "golden rows", "Golden rows", edited(change))
    yield Candidate("churn and expansion exchanged", "", "", edited(exchanged))
    yield Candidate("health and fit exchanged", "", "", edited(lambda d: d.update(health=d["fit"], fit=d["health"])))
    yield Candidate(
        "every leaf the other way", "golden rows", "Golden rows",
        mended(TREES, _other_leaves),
    )  # fmt: skip


def _other_leaves(content: bytes) -> bytes:
    text = content.decode()
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if line.startswith("leaf_value="):
            lines[i] = "leaf_value=" + " ".join(v[:-1] + ("1" if v[-1] != "1" else "2") for v in line[11:].split(" "))
    return "\n".join(lines).encode()


CANDIDATES: tuple[Candidate, ...] = (
    *_disk(), *_places(), *_sizes(), *_manifests(), *_seals(), *_trees(), *_documents(), *_golden(),
)  # fmt: skip
