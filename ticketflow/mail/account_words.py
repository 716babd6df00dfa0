"""What letters about accounts say. Nothing in them was typed by anybody: see `account_letters`."""

from dataclasses import replace

from ticketflow.mail.sheet import Sheet


def _words(
    subject: str, preheader: str, body: tuple[str, ...], button: str, foot: str, title: str = ""
) -> Sheet:
    return Sheet(
        subject=subject,
        preheader=preheader,
        title=title or subject,
        url="",
        button=button,
        body=body,
        foot=(foot,),
    )


_NO_LINK_NO_CHANGE = "If that was not you, do nothing: without this link, nothing happens."

_ACCOUNT_WORDS = {
    "verify": _words(
        "Confirm your address",
        "One press, and nobody else can have your address.",
        (
            "An account was made with this address. Confirm that it is yours: then nobody else can have it, "
            "and we can help you if you forget your password.",
            "The link works once, for three days.",
        ),
        "Confirm my address",
        "If you have made no account here, do nothing: then it stays without your address.",
    ),
    "already_known": _words(
        "You have an account already",
        "Your address stays with the account that it belongs to.",
        (
            "Somebody, perhaps you, entered this address for a new account, or for another one. It belongs "
            "to your account, so it stays with that one, and nothing of it was changed.",
            "Sign in as always. If you have forgotten your password, you can set a new one.",
        ),
        "Set a new password",
        "If that was not you, you need do nothing.",
    ),
    "reset": _words(
        "Set a new password",
        "The link works once, for 30 minutes.",
        (
            "Somebody, hopefully you, has forgotten the password of the account with this address. With this "
            "link you can set a new one. It works once, for 30 minutes.",
            "All devices are signed out then. Your tickets and your places in line stay yours.",
        ),
        "Set a new password",
        _NO_LINK_NO_CHANGE,
    ),
    "change_email": _words(
        "Confirm your new address",
        "Until then, the account keeps the address it has.",
        (
            "An account is to have this address from now on. Confirm that it is yours; until then the "
            "account keeps the one it has.",
            "The link works once, for three days.",
        ),
        "Confirm my new address",
        _NO_LINK_NO_CHANGE,
    ),
    "email_changed": _words(
        "Your account has another address",
        "This is the last letter that comes here.",
        (
            "Your account has another address from now on, and letters go there. This is the last one "
            "that comes here. Your tickets stay yours.",
            "If that was not you, somebody knows your password. Answer this letter, and we will look "
            "into it.",
        ),
        "Go to TicketFlow",
        "You are told because this was your address.",
    ),
    "password_changed": _words(
        "Your password was changed",
        "Every other device was signed out.",
        (
            "Your account has a new password, and every other device was signed out. Your tickets and your "
            "places in line stay yours.",
            "If that was not you, set a new password at once.",
        ),
        "Set a new password",
        "You are told because this is the address of your account.",
    ),
    "account_closed": _words(
        "Your account is closed",
        "Your name and address are gone from our books.",
        (
            "Your account is closed, as you asked. Your name and address are gone from our books; what we "
            "must keep of past bookings has no name on it.",
            "You are welcome to come back with a new account.",
        ),
        "Go to TicketFlow",
        "This is the last letter; after it we do not have your address any more.",
    ),
}
SUBJECTS = {kind: sheet.subject for kind, sheet in _ACCOUNT_WORDS.items()}


def account_sheet(kind: str, url: str) -> Sheet:
    """The letter of that kind, leading to that page."""
    return replace(_ACCOUNT_WORDS[kind], url=url)
