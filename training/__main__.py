"""The script ``leap``: imports the command that is asked for and no other, so that help is quick."""

import sys
from collections.abc import Sequence
from importlib import import_module

from leap.errors import UsageError
from training.console import Result, answer, before_dashes, deliver, nearest, refuse, wants_json

COMMANDS = {
    "demo": ("training.demo", "Write a made-up company to try things on."),
    "init": ("training.init", "Write leap.toml from the files found in a folder."),
    "check": ("training.check", "Read everything; report problems, quarantine and leaks."),
    "retention": ("training.retention", "Exact historic NRR, GRR, churn and movements."),
    "features": ("training.features", "Write the feature matrix as of one or more days."),
    "train": ("training.train", "Train, evaluate, register; --promote if the gate passes."),
    "backtest": ("training.backtest", "Every fold, and what was said before known outcomes."),
    "icp": ("training.icp", "Ideal customer profiles with their evidence."),
    "review": ("training.review", "What people decide about profiles, drivers and target accounts."),
    "targets": ("training.targets", "Whom to sell to next, under budget, capacity and quota."),
    "score": ("training.score", "Score every account into a Parquet or CSV file."),
    "explain": ("training.explain", "One account: its scores and the reasons for them."),
    "waterfall": ("training.waterfall", "What the expected NRR of customers is made of, or differs by."),
    "scenario": ("training.scenario", "Expected NRR if the market stood lower or higher."),
    "sync": ("training.sync", "Send what differs to the outbox, Salesforce or HubSpot."),
    "models": ("training.models", "List versions, champion, challenger and previous."),
    "promote": ("training.promote", "Make a version the champion."),
    "rollback": ("training.rollback", "Make the previous champion the champion again."),
    "bento": ("training.bento", "Pack a model with the code that serves it; needs no store then."),
    "serve": ("training.serve", "Answer over HTTP, with pages for RevOps."),
    "doctor": ("training.doctor", "Say what is wrong with this installation, and the fix."),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``leap COMMAND ...``; its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    first = arguments[0] if arguments else ""
    if first in COMMANDS:
        return run_command(first, arguments[1:])
    if {"-h", "--help"} & set(before_dashes(arguments)):
        return deliver(overview(), 0)
    produce = version if first == "--version" else lambda: no_such_command(first)
    return answer(produce, as_json=wants_json(arguments))


def run_command(name: str, arguments: list[str]) -> int:
    """Import the command and run it; a broken installation is told like any other error."""
    module, _ = COMMANDS[name]
    try:
        command = import_module(module).main
    except (Exception, KeyboardInterrupt) as error:
        return refuse(error, as_json=wants_json(arguments))
    return int(command(arguments))


def overview() -> str:
    """The help of ``leap``: every command in one line."""
    lines = [f"  {name:<10} {description}" for name, (_, description) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: leap COMMAND [DIR] [options]",
            "",
            "Which accounts will churn, contract or expand, what each is worth, why,",
            "and which companies to sell to next.",
            "",
            *lines,
            "",
            "DIR is a workspace: a folder with leap.toml (default: this one). --json prints one JSON object.",
            "Exit codes: 0 done, 1 a check or gate said no, 2 wrong usage or bad input.",
            "More about one of them: leap COMMAND --help. The version: leap --version.",
        ]
    )


def version() -> Result:
    """The installed version, as the packaging metadata has it."""
    from importlib.metadata import version as installed

    number = installed("leap")
    return Result({"name": "leap", "version": number}, f"leap {number}")


def no_such_command(word: str) -> Result:
    """Say which command was probably meant."""
    if not word or word.startswith("-"):
        raise UsageError("expected a command first.", remedy="See: leap --help")
    raise UsageError(
        f"no command {word!r}{nearest(word, COMMANDS) or '.'}", details=list(COMMANDS), remedy="See: leap --help"
    )


if __name__ == "__main__":
    raise SystemExit(main())
