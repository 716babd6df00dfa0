"""What letters about a booking or a sale say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ticketflow.domain import Booking, Event
from ticketflow.mail.sheet import Fact, Sheet, TicketShown
from ticketflow.showing import hue_of, qr_png, show_booking
from ticketflow.store.outbox import CONFIRMATION
from ticketflow.store.reminders import SALE_OPENS
from ticketflow.ticket_codes import TicketCodes
from ticketflow.words import clock, day, money

CANCELLATION = "booking_cancelled"
BOOKING_KINDS = frozenset({CONFIRMATION, CANCELLATION})
SUBJECTS = {
    CONFIRMATION: "Your tickets for {event}",
    CANCELLATION: "Cancelled: your tickets for {event}",
    SALE_OPENS: "Tickets for {event}: the sale opens",
}
BANK_DAYS = "five to ten working days"
"""How long card schemes and banks let a refund take until it shows on a statement."""


def booking_sheet(
    kind: str, name: str, booking: Booking, event: Event, codes: TicketCodes, home: str
) -> Sheet:
    """The letter of that kind to the booker called `name`."""
    shown = show_booking(booking, event, codes, draw=qr_png)
    url = f"{home}/bookings/{booking.id}"
    return (_confirmed if kind == CONFIRMATION else _cancelled)(name, shown, event, url)


def _confirmed(name: str, booking: Mapping[str, Any], event: Event, url: str) -> Sheet:
    paid = [money(booking["amount"], booking["currency"])]
    if booking["fee"]:
        paid.append(f"with {money(booking['fee'], booking['currency'])} booking fee")
    count = len(booking["tickets"])
    body = [
        f"Show {'it' if count == 1 else 'them'} at the door from this letter or from your booking's page, on "
        "a phone or on paper. Each code lets one person in, once: send it only to whom you bring."
    ]
    if event.cancel_until:
        body.append(
            f"Until {_moment(event.cancel_until)} you can cancel on that page and get your money back."
        )
    return Sheet(
        subject=SUBJECTS[CONFIRMATION].format(event=event.name),
        preheader=f"{_moment(event.starts_at)}, {event.venue}. {_counted(count)} inside.",
        title="They are yours" if count > 1 else "It is yours",
        lead=(f"Hello {name}, your {'tickets are' if count > 1 else 'ticket is'} booked and paid.",),
        url=url,
        button="Show my tickets" if count > 1 else "Show my ticket",
        body=body,
        foot=(f"Booking {booking['code']}.", "The file beside this letter puts it into your calendar."),
        facts=[*_when_and_where(event), _ticket_fact(booking), Fact("Paid", paid)],
        tickets=[
            _ticket(number, count, ticket, booking["ticket_type"])
            for number, ticket in enumerate(booking["tickets"], 1)
        ],
        **_look(event),
    )


def _ticket(number: int, count: int, ticket: Mapping[str, Any], kind: str) -> TicketShown:
    seat = [ticket["seat"]] if ticket["seat"] else []
    return TicketShown(f"Ticket {number} of {count}", ticket["code"], [kind, *seat], ticket["qr"])


def _cancelled(name: str, booking: Mapping[str, Any], event: Event, url: str) -> Sheet:
    if booking["amount"]:
        amount = money(booking["amount"], booking["currency"])
        sent = "sent to your bank" if booking["refund"] == "refunded" else "on its way"
        back = Fact("Money back", [amount, f"the way you paid, {sent}"])
        body = f"All of it, {amount}, goes back the way you paid. Banks take {BANK_DAYS} to show it."
        preheader = f"{amount} goes back the way you paid."
    else:
        back = Fact("Money back", ["Nothing was paid"])
        body = preheader = "Nothing was paid, so nothing has to go back."
    return Sheet(
        subject=SUBJECTS[CANCELLATION].format(event=event.name),
        preheader=preheader,
        title="Your booking is cancelled",
        lead=(f"Hello {name}. {booking['reason']} Its tickets are not valid any more.",),
        url=url,
        button="See where it stands",
        body=(f"The organiser says: {event.called_off}", body) if event.called_off else (body,),
        foot=(f"Booking {booking['code']}.", "The file beside this letter takes it out of your calendar."),
        facts=[*_when_and_where(event), _ticket_fact(booking), back],
        **_look(event),
    )


def sale_sheet(
    name: str, event: Event, *, moved: bool, opened: bool, from_lobby: bool, home: str, stop_url: str
) -> Sheet:
    """The letter to who asked to be told of a sale; who asked `from_lobby` waits for the sale itself."""
    lobby, sale = (
        event.lobby_opens_at and event.local(event.lobby_opens_at),
        event.local(event.sale_starts_at),
    )
    of_lobby = lobby is not None and not from_lobby
    opens = lobby if lobby and of_lobby else sale
    facts = [*_when_and_where(event)]
    if lobby:
        facts.append(Fact("The lobby opens", [day(lobby), clock(lobby)]))
    facts.append(Fact("The sale starts", [day(sale), clock(sale)]))
    prices = [f"{kind.name}: {money(kind.cost(1)[0], event.currency)}" for kind in event.ticket_types]
    facts.append(Fact("Tickets", prices))
    body = [
        f"Up to {_counted(event.per_user_limit)} each. You get a place in the line at once, and it is kept."
    ]
    if lobby and not opened:
        body.append(
            "Everyone in the lobby when the sale starts is drawn into a fair order, so being first gains "
            "nothing."
        )
    title = f"The {'lobby opens' if of_lobby else 'sale starts' if from_lobby else 'sale opens'} soon"
    if opened:
        title = "The doors are open"
    lead = f"Hello {name}, you asked to be told."
    if moved:
        lead += " The time was moved since our last letter: this is the new one."
    if from_lobby and not opened:
        lead += f" The sale starts at {clock(sale)}, {day(sale)}."
    return Sheet(
        subject=SUBJECTS[SALE_OPENS].format(event=event.name),
        preheader=f"{_moment(opens)}. {event.venue}.",
        title=title,
        lead=(lead,),
        url=f"{home}/events/{event.slug}",
        button="Take a place in the line" if opened else "Go to the event",
        body=body,
        foot=("You get this letter because you asked for it on the page of the event.",),
        facts=facts,
        stop_url=stop_url,
        **_look(event),
    )


def _look(event: Event) -> dict[str, Any]:
    return {"event_id": event.id, "hue": hue_of(event.id), "name": event.name}


def _when_and_where(event: Event) -> list[Fact]:
    starts = event.local(event.starts_at)
    return [Fact("When", [day(starts), clock(starts)]), Fact("Where", [event.venue])]


def _ticket_fact(booking: Mapping[str, Any]) -> Fact:
    return Fact("Tickets", [f"{booking['quantity']} × {booking['ticket_type']}"])


def _counted(count: int) -> str:
    return "1 ticket" if count == 1 else f"{count} tickets"


def _moment(when: datetime) -> str:
    return f"{day(when)}, {clock(when)}"
