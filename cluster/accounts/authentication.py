"""Who a buyer is: signing up, in and out, another password, and the end of an account.

Nobody gets an account for an address whose mail they do not read: the address comes from a link that was sent there. So
there is no account that waits for its owner's proof with somebody else's password.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from actors.domain.identity import token_of
from cluster.accounts.address import mailbox_of
from cluster.accounts.hashing import Passwords, TooManyHashes
from cluster.accounts.limits import (
    FAILED_SIGN_INS_PER_ADDRESS,
    FAILED_SIGN_INS_PER_CLIENT,
    Limit,
)
from cluster.accounts.session import TOKEN_BYTES, Session
from cluster.store.accounts import Account, Accounts
from cluster.store.attempts import Attempts
from cluster.store.mongo import StoreUnavailable
from cluster.store.sessions import Sessions


@dataclass(frozen=True, slots=True)
class TooManyTries:
    """No try is looked at before so many seconds are over."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Authentication:
    """Every method raises StoreUnavailable, and those that take a password TooManyHashes. Tokens of sessions are
    secrets of the browser that has them. Passwords are in their normal form, addresses too."""

    accounts: Accounts
    sessions: Sessions
    attempts: Attempts
    passwords: Passwords
    clock: Callable[[], int]
    entropy: Callable[[int], bytes]

    async def sign_up(self, address: str, password: str) -> str | None:
        """Make an account for a proven address; the token of its first session, None when there is one already."""
        hashed = await self.passwords.hash(password)
        now, account_id = self.clock(), token_of(self.entropy(16))
        account = Account(account_id, address, hashed, self._generation(), now)
        return await self._begin(account) if await self.accounts.create(account) else None

    async def sign_in(
        self, address: str, password: str, client: str | None
    ) -> str | TooManyTries | None:
        """The token of a new session; None when the address has no account, or another password: which of the two, and
        how long it takes to find out, is the same. Failures are counted per address and per client (None: not known).
        """
        taken = list[tuple[Limit, str]]()
        asked = [(FAILED_SIGN_INS_PER_ADDRESS, mailbox_of(address))]
        if (
            client is not None
        ):  # first: whoever is turned away there does not use up the owner's tries
            asked.insert(0, (FAILED_SIGN_INS_PER_CLIENT, client))
        for limit, who in asked:
            wait = await self.attempts.take(limit, who, self.clock())
            if wait is not None:
                return TooManyTries(-(-wait // 1000))
            taken.append((limit, who))
        account = await self.accounts.of_address(address)
        stored = None if account is None else account.password_hash
        try:
            matched = await self.passwords.matches(stored, password)
        except TooManyHashes:  # nobody has looked at this one: it was not a failure
            await self._give_back(taken)
            raise
        if not matched or account is None:
            return None
        await self._give_back(taken)
        if self.passwords.outdated(account.password_hash):
            with suppress(TooManyHashes):  # the next sign-in does it
                hashed = await self.passwords.hash(password)
                await self.accounts.set_password(account, hashed, account.generation)
        return await self._begin(account)

    async def _give_back(self, taken: list[tuple[Limit, str]]) -> None:
        for limit, who in taken:
            await self.attempts.give_back(limit, who)

    async def account_of(self, token: str) -> Account | None:
        """Whose session this is; None when it is over, or was ended."""
        session, now = await self.sessions.find(token), self.clock()
        if session is None or session.is_over(now):
            return None
        account = await self.accounts.get(session.account_id)
        if account is None or account.generation != session.generation:
            return None
        if session.is_news(now):
            used = Session(session.account_id, session.generation, session.began_at, now)
            with suppress(StoreUnavailable):  # a store that only reads knows who is signed in
                await self.sessions.note(token, used)
        return account

    async def sign_out(self, token: str) -> None:
        await self.sessions.end(token)

    async def reset_subject(self, address: str) -> str | None:
        """What a link to another password is about; None when the address has no account."""
        account = await self.accounts.of_address(address)
        return None if account is None else f"{account.account_id} {account.generation}"

    async def resettable(self, subject: str) -> Account | None:
        """The account that such a link is for; None once a link was used, or the account is gone."""
        account, generation = await self.owner(subject), subject.partition(" ")[2]
        return account if account is not None and account.generation == generation else None

    async def owner(self, subject: str) -> Account | None:
        """The account that such a link was made for, also when it was used."""
        return await self.accounts.get(subject.partition(" ")[0])

    async def reset(self, subject: str, password: str) -> str | None:
        """Another password for the account of a link. Every session ends, and so does every such link; the token of a
        new session, None when the link was used before."""
        hashed = await self.passwords.hash(password)
        account, generation = await self.resettable(subject), self._generation()
        if account is None or not await self.accounts.set_password(account, hashed, generation):
            return None
        await self.sessions.end_all(account.account_id)
        return await self._begin(
            Account(account.account_id, account.address, hashed, generation, account.created_at)
        )

    async def delete(self, account: Account) -> None:
        """The end of an account and of its sessions. Its orders stay: they are the organizer's too."""
        await self.accounts.delete(account.account_id)
        await self.sessions.end_all(account.account_id)

    async def _begin(self, account: Account) -> str:
        token = base64.urlsafe_b64encode(self.entropy(TOKEN_BYTES)).decode().rstrip("=")
        now = self.clock()
        await self.sessions.begin(token, Session(account.account_id, account.generation, now, now))
        return token

    def _generation(self) -> str:
        return token_of(self.entropy(16))
