"""Headers as they leave, byte by byte: each is one, plain, and says what was put into it."""

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtplib import SMTP as SMTP_CLIENT

from tests import letters
from tests.servers import Mailbox
from ticketflow.mail import message as message_module
from ticketflow.mail.account_letters import AccountLetters
from ticketflow.mail.headers import MOST_LINE, Raw, Unwritable, Words, checked
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


def head(message: EmailMessage) -> dict[str, str]:
    """Name -> a header with its folds, as it stands on the wire."""
    text = message.as_bytes(policy=SMTP).split(b"\r\n\r\n")[0].decode("ascii")
    headers = re.split(r"\r\n(?![ \t])", text)
    named = [header.split(":", 1) for header in headers]
    assert len({name for name, _ in named}) == len(named)
    return {name: words.removeprefix(" ") for name, words in named}


def subject_of(message: EmailMessage) -> str:
    """What a mail program shows."""
    return str(message_from_bytes(message.as_bytes(policy=SMTP), policy=policy.default)["Subject"])


@pytest.mark.parametrize("name", SNEAKY)
def test_an_event_s_name_is_read_as_it_was_typed(name: str):
    for made in (letters.sale_opens, lambda e: letters.confirmation(letters.made_booking(1), e)):
        message = made(replace(letters.EVENT, name=name))
        assert set(head(message)) <= NAMES
        assert name in subject_of(message)
        assert "Auto-Submitted" in head(message), "what follows the subject has become the body"


def library_s_own(_name: str, text: str) -> str:
    """A header that the e-mail library reads."""
    return text


def test_control_what_the_library_reads_is_found_before_it_leaves(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(message_module, "Words", library_s_own)
    event = replace(letters.EVENT, name=INJECTED)
    with pytest.raises(Unwritable, match="Subject would not be one header"):
        letters.sale_opens(event)
    monkeypatch.setattr(message_module, "checked", lambda message: message)
    assert "\r\nBcc:" in letters.sale_opens(event).as_bytes(policy=SMTP).decode()


def test_no_recipient_writes_a_header():
    to = replace(letters.letter_of("verify"), recipient="=?utf-8?q?=0D=0AReply-To=3A_evil=40h.yz?=@a.yz")
    with pytest.raises(Unwritable, match="recipient"):
        letters.MESSAGES.about_account(to, "verify", "verify?token=a.b")


def test_control_the_library_would_let_a_recipient_write_one():
    message = EmailMessage()
    message["To"] = Address(username="=?utf-8?q?=0D=0AReply-To=3A_evil=40h.yz?=", domain="a.yz")
    assert b"\r\nReply-To:" in message.as_bytes(policy=SMTP)
    with pytest.raises(Unwritable, match="To would not be one header"):
        checked(message)


@pytest.mark.parametrize("kind", sorted(SUBJECTS))
def test_each_header_of_each_letter_is_plain_on_the_wire(kind: str):
    message = letters.one_of_each()[kind]
    headers = head(message)
    assert set(headers) <= NAMES
    assert (headers["To"], headers["Message-ID"]) == (letters.READER, f"<{kind}@ticketflow>")
    assert all("=?" not in words for name, words in headers.items() if name != "Subject")
    if message["Subject"].isascii():
        assert " ".join(headers["Subject"].split()) == message["Subject"]
    raw = message.as_bytes(policy=SMTP)
    assert all(len(line) <= MOST_LINE for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_the_address_that_ends_letters_stands_on_the_wire_as_it_is():
    message = letters.MESSAGES.about_sale(letters.letter_of(SALE_OPENS), "Ada", letters.EVENT, LONG_STOP)
    headers = head(message)
    assert headers["List-Unsubscribe"] == f"<{letters.HOME}/{LONG_STOP}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def test_a_mail_server_gets_it_like_that(smtp: Mailbox):
    message = letters.MESSAGES.about_sale(letters.letter_of(SALE_OPENS), "Ada", letters.EVENT, LONG_STOP)
    url = urlsplit(smtp.url)
    async with SMTP_CLIENT(hostname=url.hostname, port=url.port) as line:
        await line.send_message(message, recipients=[letters.READER])
    (raw,) = smtp.wire
    assert f"\r\nList-Unsubscribe: <{letters.HOME}/{LONG_STOP}>\r\n".encode() in raw


def test_control_the_library_would_encode_it():
    message = EmailMessage()
    message["List-Unsubscribe"] = f"<{letters.HOME}/{LONG_STOP}>"
    assert b"=?utf-8?q?=3Chttps" in message.as_bytes(policy=SMTP)


@pytest.mark.parametrize(
    "subject", ["A long name, " * 15, "w" * 200, "Ünïcode " * 20, "one", "tab\tand nul\0", "a  b"]
)
def test_a_subject_is_folded_and_comes_whole(subject: str):
    message = EmailMessage()
    message["Subject"] = Words("Subject", subject.strip())
    assert subject_of(message) == subject.strip()
    assert all(len(line) <= 80 for line in message.as_bytes(policy=SMTP).split(b"\r\n"))


def test_a_line_that_is_too_long_for_the_wire_is_no_letter():
    message = EmailMessage()
    message["X-Long"] = Raw("X-Long", "x" * MOST_LINE)
    with pytest.raises(Unwritable):
        checked(message)
    del message["X-Long"]
    message["X-Long"] = Raw("X-Long", "x" * (MOST_LINE - len("X-Long: ")))
    assert checked(message) is message


async def test_a_letter_that_can_never_be_written_is_given_up_at_once():
    class Accounts(AccountLetters):
        def __init__(self) -> None:
            """Nothing is looked up."""

        async def write(self, letter: Any) -> EmailMessage:
            return letters.MESSAGES.about_account(letter, letter.kind, "")

    nobody: Any = None
    writer = Writer(nobody, letters.MESSAGES, Accounts())
    letter = letters.letter_of("password_changed")
    assert (await writer.write(letter))["To"] == letters.READER
    with pytest.raises(Undeliverable):
        await writer.write(replace(letter, recipient="a@[x.yz"))
