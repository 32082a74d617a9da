"""`leap init`: a first leap.toml from the files of a folder, every guess with its reason."""

import argparse

from training.console import Console, Result, command_parser, run


def main(argv: list[str] | None = None) -> int:
    """Write leap.toml; one that is there is kept unless --force is given."""
    parser = command_parser("init", "Write leap.toml from the CSV, Parquet and DuckDB files of a folder.")
    parser.add_argument("--force", action="store_true", help="replace the leap.toml that is there")
    return run(parser, argv, init)


def init(args: argparse.Namespace, console: Console) -> Result:
    """Look at the files, write, and say what was guessed and what was left out."""
    from leap.config import SETTINGS_FILE, load_settings
    from leap.errors import SettingsError
    from leap.proposal import propose

    path = args.workspace / SETTINGS_FILE
    if path.exists() and not args.force:
        raise SettingsError(f"{path} is there already.", remedy="Edit it, or replace it with --force.")
    with console.stage("looking at the files"):
        proposal = propose(args.workspace)
    path.write_text(proposal.toml, encoding="utf-8")
    settings = load_settings(args.workspace)
    document = {
        "config": path,
        "guessed": list(proposal.guessed),
        "left_out": [left_out.to_json() for left_out in proposal.left_out],
    }
    lines = [f"{path}: {len(proposal.guessed)} guesses, each with its reason in the file."]
    lines += [f"left out: {line}" for line in proposal.left_out_in_short()]
    if not settings.tables:
        lines += ["No table can be used as it is: change the files as said above, then run init again with --force."]
    lines += [f"Next: read and correct {path}, then run: leap check {args.workspace}"]
    return Result(document, "\n".join(lines))


if __name__ == "__main__":
    raise SystemExit(main())
