"""What people do with accounts. What is answered to strangers does not depend on who has an account.

An address may be claimed by several accounts; one has proven it at most. So registering need not tell whether
there is one already: only the letter does, to who reads that mailbox. Each way in does the same work for an
address, known or not: the same queries, hashes and writes.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from databases import Database

from ticketflow.accounts.closing import Closing
from ticketflow.accounts.export import everything_of
from ticketflow.accounts.links import Links, link_gone
from ticketflow.accounts.rules import check_password
from ticketflow.accounts.tries import Tries, network_of_tries
from ticketflow.domain import Refusal, User
from ticketflow.passwords import Passwords
from ticketflow.store import mail_links, outbox, session_ends, users
from ticketflow.store.mail_links import Purpose
from ticketflow.store.users import Claim, normal_email

log = logging.getLogger(__name__)

WRONG = "The address or the password is not right."

Tell = Callable[[User], Awaitable[None]]
"""Lets every process know that an account has changed: what they remember of it is old, and its sessions of
another number have ended."""


@dataclass(frozen=True)
class Device:
    """A browser by its signed cookie, with the accounts that have been signed in to there."""

    id: str
    accounts: tuple[int, ...]


class Accounts:
    """All of it; each method is one thing somebody asks for. Refusals are raised as `Refusal`."""

    def __init__(
        self,
        *,
        database: Database,
        passwords: Passwords,
        links: Links,
        tries: Tries,
        closing: Closing,
        tell: Tell,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._links = links
        self.tries = tries
        self._closing = closing
        self._tell = tell

    async def register(self, name: str, email: str, password: str, *, address: str | None = None) -> User:
        """A new account, its address to be proven by a letter. Who has one, and gives its password, gets that
        one; so a retry whose first answer was lost makes no second.

        The letter counts among those to its address. When these are used up the account is made all the same,
        so that nobody is told of it: the letter is asked for later, once signed in.

        Raises invalid_request for a password that everybody tries, too_many_requests.
        """
        email = normal_email(email)
        check_password(password, name=name, email=email)
        # Giving a password that may be right is a try at it, whatever the form is called.
        here = (network_of_tries(address), "address", email)
        await self.tries.take_from(*here)
        claim = await users.same_again(self._database, email, name)
        known = await self._of_password([claim], password)
        if known:
            await self.tries.give_back_to(*here)
            return known.user
        _, first = await users.claims(self._database, email)
        # Of two who are the first at the very same moment, the later one has to come by the letter.
        password_hash = await self._passwords.hash(password, like=first.password_hash if first else None)
        may_write = await self.tries.take_from_if_left(here[0], "letters", email)
        async with self._database.transaction():
            user = await users.create(self._database, name=name, email=email, password_hash=password_hash)
            if may_write:
                await self._send_link(Purpose.VERIFY, "verify", user, email)
        return user

    async def sign_in(
        self, email: str, password: str, *, device: Device | None = None, address: str | None = None
    ) -> User:
        """The account of an address and a password. Raises wrong_credentials, too_many_requests.

        The password decides among those that only claim the address: who claims it earlier or later shuts
        nobody out. Each try is the same work, whoever claims it.

        A device that was signed in on before is looked at by itself: strangers who use up the tries at an
        address shut nobody out who sits where they always sit. `address` is where the request came from.
        """
        email = normal_email(email)
        proven, first = await users.claims(self._database, email)
        if device and (own := await users.claim_of(self._database, device.accounts, email)):
            known = ("device", device.id, own.user.id)
            if await self.tries.take_if_left(*known):
                if await self._of_password([own], password):
                    await self.tries.give_back(*known)
                    return await self._let_in(own, password)
                if own.user.verified:
                    raise self._wrong(email, address)
        here = (network_of_tries(address), "address", email)
        await self.tries.take_from(*here)
        found = await self._of_password([proven], password) or await self._of_claim(email, first, password)
        if found is None:
            raise self._wrong(email, address)
        await self.tries.give_back_to(*here)
        return await self._let_in(found, password)

    async def _of_password(self, claims: Iterable[Claim | None], password: str) -> Claim | None:
        """The first of these whose password it is. One that is not there takes as long as one that is."""
        for claim in claims:
            if await self._passwords.verify(claim.password_hash if claim else None, password) and claim:
                return claim
        return None

    async def _of_claim(self, email: str, first: Claim | None, password: str) -> Claim | None:
        """Whose password it is of all that only claim the address."""
        password_hash = await self._passwords.hash(password, like=first.password_hash if first else None)
        return await users.claim_of_hash(self._database, email, password_hash)

    async def _let_in(self, claim: Claim, password: str) -> User:
        # Those that only claim an address keep the cost of the first of them until they have proven it.
        if claim.user.verified and self._passwords.is_old(claim.password_hash):
            better = await self._passwords.hash(password)
            await users.rehash(self._database, claim.user.id, claim.password_hash, better)
        return claim.user

    @staticmethod
    def _wrong(email: str, address: str | None) -> Refusal:
        log.info("a sign-in was refused", extra={"client": address})
        return Refusal("wrong_credentials", WRONG)

    async def confirm(self, user: User, current_password: str, *, token_id: int | None = None) -> str:
        """Give the hash of the account's password: `_still` sees by it whether that was changed since. Raises
        wrong_password unless it is this one; too_many_requests. What comes with a token has tries of its own:
        who found one must not use up the owner's."""
        here = ("account", user.id) if token_id is None else ("token", token_id)
        await self.tries.take(*here)
        known = await users.password_hash(self._database, user.id)
        if not await self._passwords.verify(known, current_password) or known is None:
            raise _wrong_password()
        await self.tries.give_back(*here)
        return known

    async def _still(self, user: User, password_hash: str) -> None:
        """Raises wrong_password if the account has another password by now: who asked with the old one must
        not undo what a reset by mail has done meanwhile. Inside a transaction it stays so until that ends."""
        if not await users.has_password(self._database, user.id, password_hash):
            raise _wrong_password()

    async def send_verification(self, user: User, *, address: str | None = None) -> None:
        """Send the letter again that proves the address. Raises too_many_requests."""
        if user.verified:
            return
        await self.tries.take_from(network_of_tries(address), "letters", user.email)
        async with self._database.transaction():
            await self._send_link(Purpose.VERIFY, "verify", user, user.email)

    async def verify(self, token: str) -> User:
        """Use a link of a letter: the address is proven, and the account's from here on.

        Raises link_gone, or email_taken if another account has proven it; only its reader gets as far.
        """
        link_id, epoch = self._links.read(token)
        async with self._database.transaction():
            link = await mail_links.usable(self._database, link_id, lock=True)
            user = link and link.user_id and await users.by_id(self._database, link.user_id)
            if not link or not user or user.closed:
                raise link_gone()
            if link.purpose is Purpose.CHANGE and user.session_epoch == epoch:
                await self._take_address(user, link.email)
            elif link.purpose is Purpose.VERIFY and user.email == link.email:
                await users.prove(self._database, user.id, link.email)
            else:
                raise link_gone()
            await mail_links.note_used(self._database, link.id)
        return await self._changed(user.id)

    async def _take_address(self, user: User, email: str) -> None:
        await users.prove(self._database, user.id, email)
        if not user.verified:
            await mail_links.leave_resets(self._database, user.id)
        # What was sent to the old mailbox must not open the account any more.
        await mail_links.end(self._database, user.id, *Purpose)
        if user.verified:
            await outbox.withdraw_resets(self._database, user.email)
            await outbox.write(self._database, "email_changed", user.email, user_id=user.id)

    async def ask_reset(self, email: str, *, address: str | None = None) -> None:
        """Send a link to set a new password, if there is an account: that is found out by the postman, when
        nobody waits for an answer. Raises too_many_requests."""
        email = normal_email(email)
        await self.tries.take_from(network_of_tries(address), "letters", email)
        async with self._database.transaction():
            link_id = await mail_links.add(self._database, Purpose.RESET, email, None)
            await outbox.write(self._database, "reset", email, link_id=link_id)

    async def reset(self, token: str, password: str) -> User:
        """Use a link to set a new password. It proves the address, and ends all sessions, tokens and other
        links: whoever had made the account with another's address keeps no way in.

        Raises link_gone, or invalid_request for a password that everybody tries: the link stays good.
        """
        link_id, epoch = self._links.read(token)
        user = await self._owner_of_reset(link_id, epoch)
        check_password(password, name=user.name, email=user.email)
        password_hash = await self._passwords.hash(password)
        async with self._database.transaction():
            await self._owner_of_reset(link_id, epoch, lock=True)
            await mail_links.note_used(self._database, link_id)
            await users.prove(self._database, user.id, user.email)
            await self._replace_password(user, password_hash, proven=True)
        return await self._changed(user.id)

    async def _owner_of_reset(self, link_id: str, epoch: int, *, lock: bool = False) -> User:
        link = await mail_links.usable(self._database, link_id, lock=lock)
        user = link and link.user_id and await users.by_id(self._database, link.user_id)
        if not link or not user or user.closed or link.purpose is not Purpose.RESET:
            raise link_gone()
        other = await users.proven(self._database, link.email)
        if user.email != link.email or (other and other.id != user.id):
            raise link_gone()
        # Nobody who only claims the address spoils, by a new password, what was sent to who reads it.
        if user.verified and user.session_epoch != epoch:
            raise link_gone()
        return user

    async def rename(self, user: User, name: str) -> User:
        await users.set_name(self._database, user.id, name)
        return await self._changed(user.id)

    async def set_theme(self, user: User, theme: str) -> User:
        """`theme` is system, light or dark."""
        await users.set_theme(self._database, user.id, theme)
        return await self._changed(user.id)

    async def change_email(
        self, user: User, email: str, current_password: str, *, address: str | None = None
    ) -> None:
        """Send a letter to another address; the account has it when the link there is used. Raises
        wrong_password, too_many_requests."""
        known = await self.confirm(user, current_password)
        email = normal_email(email)
        await self.tries.take_from(network_of_tries(address), "letters", email)
        async with self._database.transaction():
            await self._still(user, known)
            await mail_links.end(self._database, user.id, Purpose.CHANGE)
            await self._send_link(Purpose.CHANGE, "change_email", user, email)

    async def change_password(self, user: User, current_password: str, password: str) -> User:
        """Set another password; all sessions and tokens end, this one too. Raises wrong_password,
        too_many_requests, and invalid_request for one that everybody tries."""
        known = await self.confirm(user, current_password)
        check_password(password, name=user.name, email=user.email)
        password_hash = await self._passwords.hash(password, like=None if user.verified else known)
        async with self._database.transaction():
            await self._still(user, known)
            await self._replace_password(user, password_hash, proven=user.verified)
        return await self._changed(user.id)

    async def _replace_password(self, user: User, password_hash: str, *, proven: bool) -> None:
        await users.set_password(self._database, user.id, password_hash)
        await self._end_all(user)
        await mail_links.end(self._database, user.id, Purpose.CHANGE)
        if proven:
            await mail_links.end(self._database, user.id, Purpose.RESET)
            await outbox.withdraw_resets(self._database, user.email)
            await outbox.write(self._database, "password_changed", user.email, user_id=user.id)

    async def end_sessions(self, user: User) -> User:
        """Sign the account out everywhere, programs too."""
        async with self._database.transaction():
            await users.end_sessions(self._database, user.id)
            await self._end_all(user)
        return await self._changed(user.id)

    async def _end_all(self, user: User) -> None:
        """What belongs to a new number of the account's sessions, in one transaction with it."""
        # Whoever had been in the account before may have left themselves a key.
        await users.drop_tokens(self._database, user.id)
        await session_ends.note_all(self._database, user.id)

    async def close(self, user: User, current_password: str) -> None:
        """Close the account for good. Raises wrong_password, too_many_requests, tickets_ahead, has_events."""
        await self.confirm(user, current_password)
        await self._closing.close(user)
        await self._changed(user.id)

    async def export(self, user: User, current_password: str) -> dict[str, object]:
        """All that is kept of a person. Raises wrong_password, too_many_requests."""
        await self.confirm(user, current_password)
        return await everything_of(self._database, user.id)

    async def _send_link(self, purpose: Purpose, kind: str, user: User, email: str) -> None:
        link_id = await mail_links.add(self._database, purpose, email, user.id)
        await outbox.write(self._database, kind, email, user_id=user.id, link_id=link_id)

    async def _changed(self, user_id: int) -> User:
        """The account as it is now, told to all."""
        user = await users.by_id(self._database, user_id)
        if user is None:
            raise Refusal("not_signed_in", "This account is not there any more.")
        await self._tell(user)
        return user


def _wrong_password() -> Refusal:
    return Refusal("wrong_password", "That is not your password. Nothing was changed.")
