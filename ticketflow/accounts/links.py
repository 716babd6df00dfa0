"""The token in a letter's link: the link's id, signed. No database holds it."""

from collections.abc import Sequence

from itsdangerous import BadData

from ticketflow.domain import Refusal, User
from ticketflow.signing import signer

_SALT = "a link in a letter"
_STOP_SALT = "tell me no more of a sale"


def link_gone() -> Refusal:
    """What is said of any link that does not work, whatever the reason."""
    return Refusal(
        "link_gone",
        "This link has been used, or it is too old. Nothing was changed; ask for a new one and use the "
        "newest letter.",
    )


class Links:
    """Writes and reads tokens. The newest secret comes first; older ones are still read."""

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._signer = signer(secret_keys, _SALT)
        self._stop_signer = signer(secret_keys, _STOP_SALT)

    def write(self, link_id: str, user: User) -> str:
        """The token of a link of this account's. It knows the number of the account's sessions, which grows
        when the password changes: a letter from before opens nothing then."""
        return str(self._signer.dumps([link_id, user.session_epoch]))

    def read(self, token: str) -> tuple[str, int]:
        """The link's id and that number. Raises `Refusal` link_gone for what was not written here."""
        try:
            link_id, epoch = self._signer.loads(token)
        except (BadData, ValueError, TypeError):
            raise link_gone() from None
        return str(link_id), int(epoch)

    def write_stop(self, event_id: int, user_id: int) -> str:
        """The token that ends letters about a sale. It opens nothing else, and works for ever."""
        return str(self._stop_signer.dumps([event_id, user_id]))

    def read_stop(self, token: str) -> tuple[int, int]:
        """The event and the account. Raises `Refusal` link_gone for what was not written here."""
        try:
            event_id, user_id = self._stop_signer.loads(token)
        except (BadData, ValueError, TypeError):
            raise link_gone() from None
        return int(event_id), int(user_id)
