"""Named places where a process can be made to die, or an answer to be lost, so that tests see what follows.

Why this is in production code: "whatever dies, wherever, is put right by itself" can only be tested by dying
there, in the real process, and no test reaches between a commit and what follows it from outside. Nothing
happens here unless TICKETFLOW_FAULT names a point when the process starts; unset, passing a point costs one
comparison.

    TICKETFLOW_FAULT=commit.done          kill -9 of the process that passes it first
    TICKETFLOW_FAULT=commit.done:lose:3   the third to pass it is told that its connection broke
"""

import logging
import os
import signal
from dataclasses import dataclass
from enum import StrEnum

log = logging.getLogger(__name__)


class Point(StrEnum):
    """Every point there is, in the order a booking passes them, with what has happened there and what not."""

    HOLD_ASKED = "hold.asked"  # nothing yet
    HELD = "hold.done"  # the units are held; who asked has not heard of it
    SUBMIT_ASKED = "submit.asked"  # the hold stands; there is no order
    SUBMITTED = "submit.done"  # the order is in the stream, the hold is paying; the booker has no answer
    BOOK_ASKED = "book.asked"  # one step: nothing yet
    BOOKED = "book.done"  # one step: held and in the stream; the booker has no answer
    ORDER_READ = "order.read"  # orders are this ledger's; nothing is done for them
    AUTHORISE_ASKED = "authorise.asked"  # the gateway has not heard of the charge
    AUTHORISED = "authorise.done"  # the gateway has decided; our books know nothing of it
    COMMIT_ASKED = "commit.asked"  # a group of verdicts is together; nothing is written
    COMMIT_WRITTEN = "commit.written"  # all rows are written; nothing is committed
    COMMITTED = "commit.done"  # the bookings are decided; Redis and the bookers do not know
    SETTLE_ASKED = "settle.asked"  # the same, with all that the settlement needs read
    SETTLED = "settle.done"  # Redis has the units sold or free; the turns have not ended
    TURN_ENDED = "turn.ended"  # the turns have ended; nobody is told, the orders are in the stream
    TOLD = "told"  # told and off the stream; the money is only reserved, and this ledger alone knows
    CAPTURE_ASKED = "capture.asked"  # the money is reserved
    CAPTURED = "capture.done"  # the money is taken; our books say it is reserved
    CAPTURE_NOTED = "capture.noted"  # the books say so too; the order has ended
    VOID_ASKED = "void.asked"  # a refused booking's money is still reserved
    VOIDED = "void.done"  # it is let go of; our books say it is to be
    VOID_NOTED = "void.noted"  # the books say so too
    MAIL_LEASED = "mail.leased"  # letters are this postman's; none is sent
    MAIL_DELIVERED = "mail.delivered"  # the mail server has a letter; our books say it is being sent
    MAIL_NOTED = "mail.noted"  # the books say so too
    CANCEL_WRITTEN = "cancel.written"  # a booking's end is written; nothing is committed
    CANCELLED = "cancel.done"  # the booking has ended; Redis has it sold, the gateway has the money
    UNITS_BACK = "units.back"  # Redis has the units free; our books say they are to be
    UNITS_NOTED = "units.noted"  # the books say so too; the gateway has the money
    REFUND_ASKED = "refund.asked"  # the gateway has the money
    REFUNDED = "refund.done"  # the money is given back; our books say it is to be
    REFUND_NOTED = "refund.noted"  # the books say so too; who cancelled has no answer
    UNITS_TAKEN_OUT = "units.out"  # Redis has fewer units; the database has them all
    UNITS_MADE = "units.made"  # the database has more units; Redis does not know of them
    LOG_WRITTEN = "log.written"  # rows of the admission log are written; nothing is committed
    LOG_COMMITTED = "log.done"  # the rows are in the log; the room's journal has them still


class Act(StrEnum):
    KILL = "kill"
    LOSE = "lose"


class AnswerLost(ConnectionError):
    """What was asked may have happened or not: the connection broke before the answer."""


@dataclass(frozen=True)
class Fault:
    """What happens at which point, to the `passing`-th that comes there (from 1)."""

    point: Point
    act: Act = Act.KILL
    passing: int = 1

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """`point[:kill|lose][:n]`. Raises `ValueError`, with what is wrong."""
        name, *rest = text.strip().split(":")
        try:
            act = Act(rest.pop(0)) if rest and not rest[0].isdecimal() else Act.KILL
            passing = int(rest.pop(0)) if rest else 1
            if rest or passing < 1:
                raise ValueError
        except ValueError:
            raise ValueError(f"wants point[:kill|lose][:n], got {text!r}") from None
        if name not in set(Point):
            raise ValueError(f"names no fault point: {name!r}; there are {', '.join(Point)}")
        return cls(Point(name), act, passing)

    def __str__(self) -> str:
        return f"{self.point}:{self.act}:{self.passing}"


_at: Point | None = None
_fault: Fault | None = None
_passed = 0


def arm(fault: Fault | None) -> None:
    """Let this process have the fault; None takes it away. For its start: who has passed is forgotten."""
    global _at, _fault, _passed
    _at, _fault, _passed = fault.point if fault else None, fault, 0
    if fault:
        log.warning("TICKETFLOW_FAULT: a fault is armed at %s", fault)


def reached(point: Point) -> None:
    """This point is passed. Raises `AnswerLost`, or does not return, if that is the armed fault's moment."""
    if point is _at:
        _strike()


def _strike() -> None:
    global _passed  # noqa: PLW0603
    _passed += 1
    if _fault is None or _passed != _fault.passing:
        return
    log.warning("TICKETFLOW_FAULT: struck at %s", _fault)
    if _fault.act is Act.KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    raise AnswerLost(f"fault at {_fault.point}")
