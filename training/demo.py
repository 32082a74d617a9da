"""`leap demo`: write a made-up company to try everything on."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.console import Console, Result, command_parser, run


def main(argv: list[str] | None = None) -> int:
    """Write a made-up subscription company into a folder."""
    about = "Write a made-up company whose drivers are known (seed 7 unless given)."
    parser = command_parser("demo", about, workspace=False)
    parser.set_defaults(seed=7)
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder, or an earlier demo")
    parser.add_argument(
        "--accounts", type=int, default=2000, metavar="N", help="customers over the years (default: 2000)"
    )
    return run(parser, argv, demo)


def demo(args: argparse.Namespace, console: Console) -> Result:
    """Simulate the company, write its tables and its leap.toml."""
    with console.stage("writing a made-up company"):
        from leap.demo import write_company

        rows = write_company(args.folder, accounts=args.accounts, seed=args.seed)
    return Result({"dir": str(args.folder), "tables": rows}, _in_words(args.folder, rows))


def _in_words(folder: Path, rows: dict[str, int]) -> str:
    width = max(map(len, rows))
    lines = [f"  {name:<{width}}  {count:>9,} rows" for name, count in rows.items()]
    head = f"Wrote a made-up company to {folder}; what drives it stands at the head of its leap.toml."
    return "\n".join([head, *lines, f"Next: leap check {folder}", f"      leap train {folder} --promote"])


if __name__ == "__main__":
    raise SystemExit(main())
