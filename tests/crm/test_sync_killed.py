"""A sync whose process is killed again and again, for real: the CRM ends as the table, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leap.crm.fields import FIELDS, Naming
from tests.crm import fake_hubspot
from tests.crm.fake_hubspot import FakeHubspot
from tests.crm.fake_target import expected, table

KILLS = 6
ACCOUNTS = {f"a{i:04d}": (i % 9) / 10 for i in range(600)}
SYNC = """
import sys
from tests.crm.fake_target import table
from tests.crm.test_sync_killed import ACCOUNTS
from tests.crm.test_sync_clients import run
class Server:
    url = sys.argv[1]
found = run(Server, "hubspot", sys.argv[2], table(ACCOUNTS, sys.argv[3]))
print(found.created, found.updated, found.unchanged, len(found.failed))
"""


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_what_the_next_one_finishes(tmp_path: Path):
    server = FakeHubspot()
    for field in FIELDS:
        name = Naming("hubspot").by_key[field.key]
        kind = {"text": "string", "number": "number", "date": "date"}[field.kind]
        server.properties[name] = fake_hubspot.described(name, kind)
    chance, killed = random.Random(7), 0
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}
    for as_of in ("2026-01-01", "2026-02-01"):
        for attempt in range(KILLS + 1):
            command = [sys.executable, "-c", SYNC, server.url, str(tmp_path), as_of]
            child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
            # By calls and not by time, so that a quick machine is interrupted as often as a slow one.
            begun, last = time.monotonic(), len(server.calls) + chance.randint(1, 5)
            while child.poll() is None and time.monotonic() - begun < 120:
                if attempt < KILLS and len(server.calls) >= last:
                    time.sleep(chance.uniform(0.0, 0.01))
                    os.kill(child.pid, signal.SIGKILL)
                    killed += 1
                    break
                time.sleep(0.001)
            out, _ = child.communicate(timeout=60)
            if child.returncode == 0:
                assert out.split()[3] == "0"
                break
            assert child.returncode == -signal.SIGKILL
        else:
            raise AssertionError("never through")
        found = server.by_id()
        assert all(len(rows) == 1 for rows in found.values()) and set(found) == set(ACCOUNTS)
        assert {row[0]["leap_as_of"] for row in found.values()} == {as_of}
        wanted = {a: str(fields["churn_probability"]) for a, fields in expected(table(ACCOUNTS, as_of)).items()}
        assert {account: rows[0]["leap_churn_probability"] for account, rows in found.items()} == wanted
    server.stop()
    assert killed >= KILLS, killed
