"""The calls about one's own account."""

from ticketflow.web.openapi import account_answers as a
from ticketflow.web.openapi.calls import Call, Who

ACCOUNT = "Your account"
SIGN_IN = {"email": "ada@example.com", "password": "correct horse battery"}

ACCOUNT_CALLS = {
    "POST /api/register": Call(
        ACCOUNT,
        "Make an account",
        {201: a.AccountView},
        refusals=("email_taken",),
        example={"name": "Ada", **SIGN_IN},
    ),
    "POST /api/login": Call(
        ACCOUNT, "Sign in", {200: a.AccountView}, refusals=("wrong_credentials",), example=SIGN_IN
    ),
    "POST /api/logout": Call(ACCOUNT, "Sign out", {204: None}),
    "GET /api/me": Call(ACCOUNT, "Who am I", {200: a.AccountView}, who=Who.ACCOUNT),
}
