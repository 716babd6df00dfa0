"""Headers as they leave, byte by byte: each is one, plain, and says what was put into it."""

import re
from collections.abc import Iterable
from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtplib import SMTPNotSupported

from tests import letters
from tests.letters import opened
from tests.servers import Mailbox
from ticketflow.mail import message as message_module
from ticketflow.mail.account_letters import AccountLetters
from ticketflow.mail.client import MailClient
from ticketflow.mail.headers import MOST_LINE, Raw, Unwritable, Words, head
from ticketflow.mail.message import SUBJECTS
from ticketflow.mail.writer import Undeliverable, Writer
from ticketflow.store.reminders import SALE_OPENS

INJECTED = "=?utf-8?q?=0D=0ABcc:_evil@x.yz?= hi"
SNEAKY = [
    INJECTED,
    "a =?utf-8?b?DQpCY2M6IGV2aWxAeC55eg==?= b",
    "=?utf-8?q?=0D=0A=0D=0APhish=20body?=",
    "é" * 90 + INJECTED,
]
NAMES = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    "List-Unsubscribe", "List-Unsubscribe-Post",
}  # fmt: skip
LONG_STOP = "unsubscribe?token=" + "aB3_-." * 50


def head_of(written: bytes) -> dict[str, str]:
    """Name -> a header with its folds, as it stands on the wire."""
    text = written.split(b"\r\n\r\n")[0].decode("ascii")
    headers = re.split(r"\r\n(?![ \t])", text)
    named = [header.split(":", 1) for header in headers]
    assert len({name for name, _ in named}) == len(named)
    return {name: words.removeprefix(" ") for name, words in named}


def subject_of(written: bytes) -> str:
    """What a mail program shows."""
    return str(opened(written)["Subject"])


@pytest.mark.parametrize("name", SNEAKY)
def test_an_event_s_name_is_read_as_it_was_typed(name: str):
    for made in (letters.sale_opens, lambda e: letters.confirmation(letters.made_booking(1), e)):
        written = made(replace(letters.EVENT, name=name))
        assert set(head_of(written)) <= NAMES
        assert name in subject_of(written)
        assert "Auto-Submitted" in head_of(written), "what follows the subject has become the body"


class LibrarysOwn(Raw):
    """A header that the e-mail library reads, and writes."""

    def written(self) -> str:
        return str(SMTP.fold(*SMTP.header_store_parse(self.name, self.text))).removesuffix("\r\n")


def unchecked(headers: Iterable[Raw]) -> bytes:
    return b"".join(f"{header.written()}\r\n".encode() for header in headers)


def test_control_what_the_library_reads_is_found_before_it_leaves(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(message_module, "Words", LibrarysOwn)
    event = replace(letters.EVENT, name=INJECTED)
    with pytest.raises(Unwritable, match="Subject would not be one header"):
        letters.sale_opens(event)
    monkeypatch.setattr(message_module, "head", unchecked)
    assert b"\r\nBcc:" in letters.sale_opens(event)


def test_no_recipient_writes_a_header():
    to = replace(letters.letter_of("verify"), recipient="=?utf-8?q?=0D=0AReply-To=3A_evil=40h.yz?=@a.yz")
    with pytest.raises(Unwritable, match="recipient"):
        letters.MESSAGES.about_account(to, "verify", "verify?token=a.b")


def test_control_the_library_would_let_a_recipient_write_one():
    message = EmailMessage()
    message["To"] = Address(username="=?utf-8?q?=0D=0AReply-To=3A_evil=40h.yz?=", domain="a.yz")
    written = message.as_bytes(policy=SMTP)
    assert b"\r\nReply-To:" in written
    with pytest.raises(Unwritable, match="To would not be one header"):
        head([Raw("To", written.decode().strip().removeprefix("To: "))])


@pytest.mark.parametrize("kind", sorted(SUBJECTS))
def test_each_header_of_each_letter_is_plain_on_the_wire(kind: str):
    written = letters.one_of_each()[kind]
    headers = head_of(written)
    assert set(headers) <= NAMES
    assert (headers["To"], headers["Message-ID"]) == (letters.READER, f"<{kind}@ticketflow>")
    assert all("=?" not in words for name, words in headers.items() if name != "Subject")
    if subject_of(written).isascii():
        assert " ".join(headers["Subject"].split()) == subject_of(written)
    assert written.isascii()
    assert all(len(line) <= MOST_LINE for line in written.split(b"\r\n"))
    assert b"\n" not in written.replace(b"\r\n", b"")


def sale_opens_with(stop_page: str) -> bytes:
    return letters.MESSAGES.about_sale(letters.letter_of(SALE_OPENS), "Ada", letters.EVENT, stop_page)


def test_the_address_that_ends_letters_stands_on_the_wire_as_it_is():
    headers = head_of(sale_opens_with(LONG_STOP))
    assert headers["List-Unsubscribe"] == f"<{letters.HOME}/{LONG_STOP}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_a_mail_server_gets_it_like_that(smtp: Mailbox):
    written, url = sale_opens_with(LONG_STOP), urlsplit(smtp.url)
    line = MailClient("desk@example.com", hostname=url.hostname, port=url.port)
    async with line:
        await line.deliver(written, letters.READER)
        with pytest.raises(SMTPNotSupported):
            await line.deliver(written, "jörg@exämple.com")
    assert smtp.wire == [written]
    assert f"\r\nList-Unsubscribe: <{letters.HOME}/{LONG_STOP}>\r\n".encode() in written


def test_control_the_library_would_encode_it():
    message = EmailMessage()
    message["List-Unsubscribe"] = f"<{letters.HOME}/{LONG_STOP}>"
    assert b"=?utf-8?q?=3Chttps" in message.as_bytes(policy=SMTP)


@pytest.mark.parametrize(
    "subject", ["A long name, " * 15, "w" * 200, "Ünïcode " * 20, "one", "tab\tand nul\0", "a  b"]
)
def test_a_subject_is_folded_and_comes_whole(subject: str):
    written = head([Words("Subject", subject.strip())]) + b"\r\n"
    assert subject_of(written) == subject.strip()
    assert all(len(line) <= 80 for line in written.split(b"\r\n"))


def test_a_line_that_is_too_long_for_the_wire_is_no_letter():
    room = MOST_LINE - len("X-Long: ")
    with pytest.raises(Unwritable):
        head([Raw("X-Long", "x" * (room + 1))])
    assert head([Raw("X-Long", "x" * room)]).startswith(b"X-Long: xxx")


async def test_a_letter_that_can_never_be_written_is_given_up_at_once():
    class Accounts(AccountLetters):
        def __init__(self) -> None:
            """Nothing is looked up."""

        async def write(self, letter: Any) -> bytes:
            return letters.MESSAGES.about_account(letter, letter.kind, "")

    nobody: Any = None
    writer = Writer(nobody, letters.MESSAGES, Accounts(), nobody)
    letter = letters.letter_of("password_changed")
    assert opened(await writer.write(letter))["To"] == letters.READER
    with pytest.raises(Undeliverable):
        await writer.write(replace(letter, recipient="a@[x.yz"))
