"""Plans that wait for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from partwise.oversight.feedback.database import Database
from partwise.oversight.feedback.rows import checked_name, checked_person, storable
from partwise.oversight.feedback.schema import FeedbackError, Plan, PlanState
from partwise.oversight.feedback.schema import plans as _P


class Plans(Database):
    """The part of the store that holds plans."""

    def submit_plan(self, run: str, task_index: int, body: Mapping[str, Any]) -> int:
        """Lay a plan before people; returns its id.

        Args:
            run: whose plan it is.
            task_index: of the held-out task that it is for.
            body: what people are shown, as plain JSON data.
        """
        plan = {
            "run": checked_name(run, "run"),
            "task_index": task_index,
            "body": json.dumps(dict(body)),
            "state": PlanState.WAITING,
            "reason": "",
            "at": datetime.now(UTC),
        }
        with self._write() as db:
            return db.execute(sa.insert(_P).values(plan).returning(_P.c.id)).scalar_one()

    def plan(self, id: int) -> Plan:
        """One plan.

        Raises:
            FeedbackError: there is none.
        """
        with self._read() as db:
            row = db.execute(sa.select(_P).where(_P.c.id == id)).first()
        if row is None:
            raise FeedbackError(f"There is no plan {id}.")
        return _plan(row)

    def plan_state(self, id: int) -> PlanState:
        """Where a plan stands, for whoever waits for it.

        Raises:
            FeedbackError: there is none.
        """
        return self.plan(id).state

    def waiting_plans(self, *, limit: int = 100, offset: int = 0) -> list[Plan]:
        """Plans that nobody has decided on, the oldest first."""
        waiting = sa.select(_P).where(_P.c.state == PlanState.WAITING).order_by(_P.c.id)
        with self._read() as db:
            return [_plan(row) for row in db.execute(waiting.limit(limit).offset(offset))]

    def decide_plan(self, id: int, who: str, approved: bool, reason: str = "") -> bool:
        """Approve or refuse a plan; False where it was decided on or withdrawn already.

        Raises:
            FeedbackError: there is none.
        """
        state = PlanState.APPROVED if approved else PlanState.REFUSED
        return self._end_plan(id, state, checked_person(who), storable(reason))

    def withdraw_plan(self, id: int) -> bool:
        """Take back a plan that nobody waits for any more; False where it was decided on already.

        Raises:
            FeedbackError: there is none.
        """
        return self._end_plan(id, PlanState.WITHDRAWN, None, "")

    def _end_plan(self, id: int, state: PlanState, who: str | None, reason: str) -> bool:
        self.plan(id)
        ended = (
            sa.update(_P)
            .where(_P.c.id == id, _P.c.state == PlanState.WAITING)
            .values(state=state, who=who, reason=reason, decided=datetime.now(UTC))
        )
        with self._write() as db:
            return db.execute(ended).rowcount > 0


def _plan(row: sa.Row[Any]) -> Plan:
    return Plan(
        id=row.id,
        run=row.run,
        task_index=row.task_index,
        body=json.loads(row.body),
        state=row.state,
        who=row.who,
        reason=row.reason,
        when=row.at,
    )
