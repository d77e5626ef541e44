"""Accounts of buyers. An address has one at most: its mailbox is a unique key."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from cluster.accounts.address import mailbox_of
from cluster.store.mongo import Collection, Database, Document


@dataclass(frozen=True, slots=True)
class Account:
    """`address` is in its normal form, and was proven by mail. Sessions and links of another `generation` are over.
    `created_at` is ms since the epoch."""

    account_id: str
    address: str
    password_hash: str = field(repr=False)
    generation: str = field(repr=False)
    created_at: int


class Accounts:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._accounts: Collection = database.collection("accounts")

    async def ensure_indexes(self) -> None:
        await self._accounts.ensure_index([("mailbox", 1)], unique=True)

    async def create(self, account: Account) -> bool:
        """Store a new account; False when its mailbox has one."""
        document = asdict(account)
        document["_id"] = document.pop("account_id")
        return await self._accounts.insert({**document, "mailbox": mailbox_of(account.address)})

    async def get(self, account_id: str) -> Account | None:
        return _account(await self._accounts.find_one({"_id": account_id}))

    async def of_address(self, address: str) -> Account | None:
        """The account of an address in its normal form."""
        return _account(await self._accounts.find_one({"mailbox": mailbox_of(address)}))

    async def set_password(self, before: Account, password_hash: str, generation: str) -> bool:
        """Give it another password; False when `before` is no longer how it stands, and nothing is changed."""
        return await self._accounts.update(
            {
                "_id": before.account_id,
                "generation": before.generation,
                "password_hash": before.password_hash,
            },
            {"$set": {"password_hash": password_hash, "generation": generation}},
        )

    async def delete(self, account_id: str) -> None:
        await self._accounts.delete({"_id": account_id})


def _account(document: Document | None) -> Account | None:
    if document is None:
        return None
    fields = {key: value for key, value in document.items() if key not in ("_id", "mailbox")}
    return Account(account_id=document["_id"], **fields)
