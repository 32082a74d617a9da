"""One upsert of Bulk API 2.0: a job that is made, filled, closed, watched and read, and that outlives us.

Its id is noted before anything is uploaded. Nothing of a job is carried out before it is closed, so a job whose upload
broke off is given up and a new one is made: Salesforce takes one upload a job. A job that was closed is never made
twice: whoever comes back to the same batch waits for it and reads its results.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Create a Job", "Upload Job Data", "Upload Complete", "Job States",
"Get Information About an Ingest Job", "Get Job Successful / Failed / Unprocessed Record Results", "Abort a Job". That a
second upload spoils a job ("Found multiple contents for job") is told by programs that met it. Not yet tried against
the live system.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap.crm import salesforce_csv
from leap.crm.http import Calls, Twice, short
from leap.crm.matching import Ids
from leap.crm.salesforce_login import refusal
from leap.crm.target import CrmError, Notes, Record, Sent, Unreached

log = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9]{15,18}")
_ENDS = ("JobComplete", "Failed", "Aborted")
_STATES = ("Open", "UploadComplete", "InProgress", *_ENDS)
_UPLOADS = 3
"""How many jobs are made before an upload that keeps breaking off is given up."""
_JOB, _CONTENT, _UPLOADED = "job", "content", "uploaded"


@dataclass(frozen=True)
class Job:
    """A job as Salesforce describes it."""

    id: str
    state: str
    processed: int = 0
    message: str = ""


@dataclass(frozen=True)
class Jobs:
    """Upserts into one object by one external id."""

    calls: Calls
    path: str
    """Of ingest jobs, such as /services/data/v62.0/jobs/ingest."""
    object: str
    id_field: str

    def upsert(self, records: Sequence[Record], notes: Notes) -> list[Sent]:
        """One answer for each record. The same records with the same notes go on with the same job."""
        content = salesforce_csv.table(records, self.id_field)
        if len(content) > salesforce_csv.MOST_BYTES:
            raise CrmError(f"Salesforce takes {salesforce_csv.MOST_BYTES:,} bytes at once, found {len(content):,}.")
        job = self._noted(content, notes)
        if job is None or job.state == "Open":
            job = self._submitted(content, notes, job)
        job = self._ended(job)
        answers = self._answers(job, records)
        if not job.processed and not any(one.outcome != "failed" for one in answers):
            notes.put(_JOB, "")  # Nothing of it was carried out: another try is another job.
            self._refused_as_a_whole(job)
        return answers

    def _noted(self, content: bytes, notes: Notes) -> Job | None:
        """The job of these records that another run began, if its upload was finished; others are brought to an end."""
        known = notes.get(_JOB)
        job = self._look(known) if known else None
        if job is None:
            return None
        same = notes.get(_CONTENT) == _fingerprint(content)
        if same and (job.state != "Open" or notes.get(_UPLOADED) == job.id):
            cancelled = job.state == "Aborted" and notes.get(_UPLOADED) != job.id
            return None if cancelled else job
        if job.state == "Open":
            self._abort(job)
        elif job.state not in _ENDS:
            self._ended(job)  # Other values, still on their way: ours must come after them.
        return None

    def _submitted(self, content: bytes, notes: Notes, job: Job | None) -> Job:
        for left in reversed(range(_UPLOADS)):
            try:
                job = job or self._filled(content, notes)
                closed = self._closed(job)
            except Unreached:
                if left == 0:
                    raise
                closed = None
            if closed is not None:
                return closed
            now = self._look(job.id) if job is not None else None
            if now is not None and now.state not in ("Open", "Aborted"):
                return now
            if now is not None:
                self._abort(now)
            job = None
        raise Unreached("Salesforce does not start the job that was uploaded.", remedy="Run the command again.")

    def _filled(self, content: bytes, notes: Notes) -> Job:
        made = {"object": self.object, "operation": "upsert", "externalIdFieldName": self.id_field,
                "contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA"}  # fmt: skip
        answer = self.calls.call(
            "POST", self.path, f"make a job for {self.object}", body=json.dumps(made).encode(), twice="more",
            takes=(200, 201),
        )  # fmt: skip
        job = _described(answer.json())
        # Which content before which job: a job that is noted is always one of the content that is noted.
        notes.put(_JOB, "")
        notes.put(_CONTENT, _fingerprint(content))
        notes.put(_JOB, job.id)
        try:
            self.calls.call(
                "PUT", f"{self.path}/{job.id}/batches", "upload records", body=content, kind="text/csv; charset=UTF-8",
                twice="more", takes=(200, 201), reads_json=False, quotes=False,
            )  # fmt: skip
        except CrmError:
            self._abort(job)
            raise
        notes.put(_UPLOADED, job.id)
        return job

    def _closed(self, job: Job) -> Job | None:
        """The job as closed; None where Salesforce will not close it (it was closed before, or holds no one upload)."""
        answer = self._patch(job, "UploadComplete", "start the job", takes=(200, 400, 404, 409))
        return _described(answer.json()) if answer.status == 200 else None

    def _abort(self, job: Job) -> None:
        try:
            self._patch(job, "Aborted", "give up an unused job", takes=(200, 400, 404, 409), insists=False)
        except CrmError as error:  # An open job does nothing; it is taken away after a week.
            log.warning("Salesforce: job %s stays open: %s", job.id, error.message)

    def _patch(self, job: Job, state: str, what: str, takes: Sequence[int], insists: bool = True) -> Any:
        twice: Twice = "same" if insists else "more"
        body = json.dumps({"state": state}).encode()
        return self.calls.call("PATCH", f"{self.path}/{job.id}", what, body=body, twice=twice, takes=takes)

    def _look(self, job_id: str) -> Job | None:
        """A job as it is now; None where it is gone (Salesforce keeps them for seven days)."""
        if not _ID.fullmatch(job_id):
            return None
        answer = self.calls.call("GET", f"{self.path}/{job_id}", "look at the job", takes=(200, 404))
        return _described(answer.json()) if answer.status == 200 else None

    def _ended(self, job: Job) -> Job:
        pace = self.calls.pace
        until, pause = pace.clock() + pace.job_seconds, pace.first_look_seconds
        while job.state not in _ENDS:
            if pace.clock() > until:
                raise Unreached(
                    f"Salesforce has not finished job {job.id} ({job.state}) after {pace.job_seconds:,.0f} s.",
                    remedy="Run the command again later: it goes on with this job.",
                )
            pace.sleep(pause)
            pause = min(pause * 1.5, pace.slowest_look_seconds)
            now = self._look(job.id)
            if now is None:
                raise Unreached(f"Salesforce no longer knows job {job.id}, which it had begun.")
            job = now
        return job

    def _answers(self, job: Job, records: Sequence[Record]) -> list[Sent]:
        ids = Ids.of(record.external_id for record in records)
        found: dict[str, Sent] = {}
        self._read(job, "successfulResults", ids, found, salesforce_csv.succeeded)
        self._read(job, "failedResults", ids, found, salesforce_csv.failed)
        if len(found) < len(records) and job.processed > len(found):
            raise Unreached(
                f"Salesforce gave the results of {len(found):,} records of job {job.id}, having worked on "
                f"{job.processed:,}.",
                remedy="Run the command again: it reads them again.",
            )
        why = f"Salesforce did not come to it ({short(job.message) or job.state})"
        return [found.get(one.external_id) or salesforce_csv.untouched(one.external_id, why) for one in records]

    def _read(
        self, job: Job, part: str, ids: Ids, found: dict[str, Sent], of: Callable[[str, Mapping[str, str]], Sent]
    ) -> None:
        body = self.calls.call(
            "GET", f"{self.path}/{job.id}/{part}", "read the results of the job", reads_json=False
        ).body  # fmt: skip
        try:
            for row in salesforce_csv.rows(body, self.id_field):
                named = {name.casefold(): value for name, value in row.items() if isinstance(name, str)}
                for external_id in ids.meant_by(named.get(self.id_field.casefold())):
                    found.setdefault(external_id, of(external_id, row))
        except (UnicodeDecodeError, csv.Error):
            raise Unreached(f"Salesforce gave the results of job {job.id} in a form that is no CSV.") from None

    def _refused_as_a_whole(self, job: Job) -> None:
        if job.state == "Failed" and re.match(r"\s*(InvalidBatch|ClientInputError|InvalidJob)", job.message):
            raise CrmError(
                f"Salesforce refused the upload as a whole: {short(job.message)}.",
                remedy="`check` names fields that are lacking; nothing was written.",
            )


def _described(document: Any) -> Job:
    found = document if isinstance(document, dict) else {}
    job_id, state = str(found.get("id", "")), str(found.get("state", ""))
    if not _ID.fullmatch(job_id) or state not in _STATES:
        code = short(refusal(document).code) or "no id or state"
        raise Unreached(f"Salesforce described a job in a form that is not the documented one ({code}).")
    processed = found.get("numberRecordsProcessed")
    return Job(job_id, state, processed if isinstance(processed, int) else 0, str(found.get("errorMessage") or ""))


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
