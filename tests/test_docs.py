"""The documents hold: commands, options, targets, links, settings and request bodies named in them exist and work."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import pytest

from leap.config import parse_settings
from serving.app import create_app
from serving.live import LiveModel
from serving.schemas import ProspectsRequest, ScoreRequest
from training.__main__ import COMMANDS
from training.__main__ import main as leap

CHECKOUT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [
        *CHECKOUT.glob("*.md"),
        *(CHECKOUT / "docs").rglob("*.md"),
        *(CHECKOUT / "examples").rglob("*.md"),
    ]
)
README = CHECKOUT / "README.md"
OURS = re.compile(r"(?:\.venv/bin/)?leap (?P<command>[a-z]+)\b(?P<rest>.*)")
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|Users|tmp|work|mnt|private|var|opt)/")


def named(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", read(path), re.MULTILINE | re.DOTALL)


def code(path: Path) -> list[str]:
    """Lines of code blocks, fenced or indented, and code within sentences."""
    text = read(path)
    fenced = "\n".join(blocks(path, r"\w*")).splitlines()
    outside = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^ {4,}(\S.*)$", outside, re.MULTILINE)
    return [line.strip() for line in [*fenced, *indented, *re.findall(r"`([^`\n]+)`", outside)]]


def commands_named(path: Path) -> set[tuple[str, tuple[str, ...]]]:
    """Commands of ours with the options that stand beside them."""
    found = set()
    for line in code(path):
        if (match := OURS.fullmatch(line)) and not match["rest"].startswith("."):
            words = shlex.split(match["rest"], comments=True)
            options = tuple(word.split("=")[0] for word in words if word.startswith("--"))
            found.add((match["command"], options))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_and_option_named_in_a_document_exists(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command, options in sorted(commands_named(document)):
        assert command in COMMANDS, f"leap {command}"
        assert leap([command, "--help"]) == 0
        known = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
        assert set(options) <= known, f"leap {command} {options}"


def test_the_readme_names_every_command() -> None:
    assert {command for command, _ in commands_named(README)} == set(COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_make_target_named_in_a_document_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", read(CHECKOUT / "Makefile"), re.MULTILINE))
    wanted = {match[1] for line in code(document) if (match := re.fullmatch(r"make ([a-z][a-z-]*)(?: .*)?", line))}
    assert wanted <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_relative_link_and_anchor_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", read(document)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (document.parent / place).resolve() if place else document
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", read(target), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, link


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_no_document_names_a_path_of_one_machine(document: Path) -> None:
    assert not MACHINE_PATH.search(read(document))


def test_images_of_the_readme_are_small_pictures() -> None:
    images = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", read(README))
    assert images
    for image in images:
        content = (CHECKOUT / image).read_bytes()
        assert content.startswith(b"\x89PNG") and len(content) < 300_000, image


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_settings_shown_in_a_document_are_accepted(document: Path) -> None:
    for block in blocks(document, "toml"):
        parse_settings(tomllib.loads(block))


def test_bodies_sent_in_the_readme_fit_their_routes() -> None:
    schemas = {"/v1/score": ScoreRequest, "/v1/prospects": ProspectsRequest}
    sent = []
    for block in blocks(README, "sh"):
        words = shlex.split(block.replace("\\\n", " "))
        if "-d" in words:
            route = next(word for word in words if word.startswith("http")).partition(":3000")[2]
            schemas[route].model_validate(json.loads(words[words.index("-d") + 1]))
            sent.append(route)
    assert set(sent) == set(schemas)


def test_api_names_the_routes_of_the_service_and_no_others() -> None:
    """Pages aside; `/livez` and `/metrics` are beside the application."""
    document = read(CHECKOUT / "docs" / "api.md")
    named_routes = {path.rstrip("/") for path in re.findall(r"`(?:GET|POST) (/v1/[a-z/-]+|/[a-z]+z)", document)}
    served = {re.sub(r"/\{.*", "", path) for path in create_app(LiveModel()).openapi()["paths"]}
    assert named_routes == served | {"/livez"}


def test_json_shown_in_a_document_is_json() -> None:
    for document in DOCUMENTS:
        for block in blocks(document, "json"):
            json.loads(block)
