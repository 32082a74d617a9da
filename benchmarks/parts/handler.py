"""The service's handlers called in a process like the server's, without HTTP, and the contributions kernel alone.

`python benchmarks/parts/handler.py WORKSPACE STORE REQUESTS` loads the champion as the service does and obeys lines of
JSON on stdin: `{"handler": NAME, "calls": N}` times the handler of the requests in REQUESTS/NAME.txt, from the parsed
body to the bytes of the answer; `{"parse": ..}` what comes before, from the bytes of the body; `{"kernel": ..}` the
contributions (`ScopeModel.explained`) of the rows of the first request; `{"profile": NAME, "calls": N}` says which
functions the time went to. One answer each, in seconds.
"""

from __future__ import annotations

import cProfile
import io
import json
import pstats
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent.parent
# The folder of this file, which Python puts first, holds nothing to import.
sys.path[:1] = [str(ROOT), str(ROOT / "src")]

from benchmarks.parts.load import percentiles  # noqa: E402

if TYPE_CHECKING:
    import numpy as np

    from serving.wiring import Served


class Handlers:
    """What the server would call, around a live model."""

    def __init__(self, workspace: Path, store: Path, requests: Path) -> None:
        from serving.wiring import Deployment

        self.served: Served = Deployment(str(store), workspace).load()[0]
        self.requests = requests

    def bodies(self, name: str) -> list[bytes]:
        """The bodies of a file of requests to /v1/score."""
        return [line.split(b"\t", 2)[2] for line in (self.requests / f"{name}.txt").read_bytes().splitlines()]

    def parse(self, name: str) -> list[Callable[[], Any]]:
        """One call a request: from the bytes of the body to what was asked, checked."""
        from serving.direct import json_of
        from serving.schemas import ScoreRequest

        def call(body: bytes) -> Callable[[], Any]:
            return lambda: ScoreRequest.model_validate(json_of(body))

        return [call(body) for body in self.bodies(name)]

    def handler(self, name: str) -> list[Callable[[], Any]]:
        """One call a request: from what was asked to the bytes of the answer."""
        from serving.calls import Call
        from serving.routes.scores import score

        def call(asked: Any) -> Callable[[], Any]:
            known = Call("benchmark", "POST", "/v1/score")
            return lambda: score(asked, self.served, lambda: None, known).content

        return [call(parse()) for parse in self.parse(name)]

    def kernel(self, name: str) -> list[Callable[[], Any]]:
        """The contributions of the rows that the first request asks for."""
        asked = json.loads(self.bodies(name)[0])
        matrix, model = self.rows(asked), self.served.scorer.bundle.health
        return [lambda: model.explained(matrix)]

    def rows(self, asked: dict[str, Any]) -> np.ndarray:
        """Encoded rows of a request."""
        import numpy as np

        scorer = self.served.scorer
        if "account_ids" in asked:
            table = scorer.customers
            assert table is not None
            at = {account: i for i, account in enumerate(table.account_ids)}
            return np.ascontiguousarray(table.matrix[[at[account] for account in asked["account_ids"]]])
        encoder = scorer.bundle.health.encoder
        return np.vstack([encoder.encode_one(one["features"]) for one in asked["accounts"]])


def timed(calls: list[Callable[[], Any]], number: int) -> dict[str, float]:
    """Seconds of a call; `cpu` is the mean of CPU seconds."""
    times, began_cpu = [], time.process_time()
    for each in range(number):
        began = time.perf_counter()
        calls[each % len(calls)]()
        times.append(time.perf_counter() - began)
    return percentiles(times) | {"cpu": (time.process_time() - began_cpu) / number}


def profiled(calls: list[Callable[[], Any]], number: int) -> dict[str, str]:
    """Where the time of so many calls went."""
    profile = cProfile.Profile()
    profile.enable()
    for each in range(number):
        calls[each % len(calls)]()
    profile.disable()
    said = io.StringIO()
    pstats.Stats(profile, stream=said).sort_stats("tottime").print_stats(45)
    return {"profile": said.getvalue()}


def main(argv: list[str]) -> int:
    """Answer until stdin ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    began = time.perf_counter()
    handlers = Handlers(*map(Path, argv))
    made: dict[tuple[str, str], list[Callable[[], Any]]] = {}
    print(json.dumps({"loaded": time.perf_counter() - began}), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        number = order.pop("calls")
        ((what, name),) = order.items()
        kind = "handler" if what == "profile" else what
        if (kind, name) not in made:
            made[kind, name] = getattr(handlers, kind)(name)
            timed(made[kind, name], min(number, 20))
        answer = (profiled if what == "profile" else timed)(made[kind, name], number)
        print(json.dumps(answer), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
