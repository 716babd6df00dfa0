"""The calls about one's own account, and about the tokens of programs."""

from ticketflow.web.openapi import account_answers as a
from ticketflow.web.openapi.calls import Call, Who

ACCOUNT, TOKENS = "Your account", "Tokens"
ADDRESS = {"email": "ada@example.com"}
PASSWORD = {"password": "correct horse battery"}
CONFIRMED = {"current_password": "correct horse battery"}
LINK = {"token": "IjQyIg.Zx..."}

ACCOUNT_CALLS = {
    "POST /api/register": Call(
        ACCOUNT, "Make an account", {201: a.AccountView}, example={"name": "Ada", **ADDRESS, **PASSWORD}
    ),
    "POST /api/login": Call(
        ACCOUNT,
        "Sign in",
        {200: a.AccountView},
        refusals=("wrong_credentials",),
        example={**ADDRESS, **PASSWORD},
    ),
    "POST /api/logout": Call(ACCOUNT, "Sign out", {204: None}),
    "GET /api/me": Call(ACCOUNT, "Who am I", {200: a.AccountView}, who=Who.ACCOUNT),
    "PATCH /api/me": Call(
        ACCOUNT,
        "Change your account",
        {200: a.AccountView, 202: a.AccountChanged},
        who=Who.ACCOUNT,
        refusals=("wrong_password",),
        example={"name": "Ada L.", "theme": "dark"},
    ),
    "DELETE /api/me": Call(
        ACCOUNT,
        "Close your account",
        {204: None},
        who=Who.ACCOUNT,
        refusals=("wrong_password", "tickets_ahead", "has_events"),
        example=CONFIRMED,
    ),
    "POST /api/me/export": Call(
        ACCOUNT,
        "Take your data with you",
        {200: a.Export},
        who=Who.ACCOUNT,
        refusals=("wrong_password",),
        example=CONFIRMED,
    ),
    "POST /api/me/verification": Call(
        ACCOUNT, "Ask for the letter that proves your address", {202: a.LetterSent}, who=Who.ACCOUNT
    ),
    "DELETE /api/me/sessions": Call(ACCOUNT, "Sign out everywhere", {204: None}, who=Who.ACCOUNT),
    "POST /api/verify": Call(
        ACCOUNT,
        "Prove an address",
        {200: a.AccountView},
        refusals=("link_gone", "email_taken"),
        example=LINK,
    ),
    "POST /api/password/forgotten": Call(
        ACCOUNT, "Ask for a new password", {202: a.LetterSent}, example=ADDRESS
    ),
    "POST /api/password/reset": Call(
        ACCOUNT,
        "Set a new password",
        {200: a.AccountView},
        refusals=("link_gone",),
        example={**LINK, **PASSWORD},
    ),
    "POST /api/tokens": Call(
        TOKENS,
        "Make a token",
        {201: a.TokenMade},
        who=Who.OWNER,
        refusals=("wrong_credentials", "wrong_password", "too_many_tokens", "forbidden"),
        example={
            "name": "The box office's till",
            "abilities": ["read", "book"],
            "expires_in_days": 30,
            **CONFIRMED,
        },
    ),
    "GET /api/tokens": Call(TOKENS, "List your tokens", {200: list[a.TokenView]}, who=Who.ACCOUNT),
    "DELETE /api/tokens/{token_id}": Call(TOKENS, "Revoke a token", {204: None}, who=Who.ACCOUNT),
}
