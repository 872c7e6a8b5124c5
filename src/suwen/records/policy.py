"""The access policy: rules as data (`policy.toml`); what no rule allows is denied."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suwen.core.errors import BadInput
from suwen.records.people import Relation, Role

Action = Literal[
    "read",
    "draft",
    "write",
    "delete",
    "list",
    "register",
    "share",
    "decide",
    "sign",
    "log",
    "audit",
    "open",
    "review",
    "manage",
    "destroy",
    "pseudonymise",
    "reidentify",
]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Table):
    """These persons, for these purposes, bound so to the patient, may do these things."""

    role: Role
    purpose: frozenset[str]
    relation: frozenset[Relation]
    action: frozenset[Action]


class Policy(_Table):
    """All rules of an installation."""

    version: Literal[1]
    break_glass_minutes: int = Field(ge=1, le=24 * 60)
    purposes: dict[str, str]
    rule: tuple[Rule, ...]

    @classmethod
    def load(cls, home: Path) -> Policy:
        """Read `policy.toml` of SUWEN_HOME, else the shipped one.

        Raises
        ------
        BadInput
            The file is not a policy, or a rule names a purpose that is not defined.
        """
        own = home / "policy.toml"
        path = own if own.exists() else Path(__file__).with_name("policy.toml")
        try:
            policy = cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except (OSError, ValueError) as error:
            where = (
                "; ".join(".".join(str(p) for p in e["loc"]) for e in error.errors())
                if isinstance(error, ValidationError)
                else type(error).__name__
            )
            raise BadInput(
                f"the access policy policy.toml cannot be used ({where})",
                "rules as in the shipped policy.toml",
                "correct or remove policy.toml in SUWEN_HOME",
            ) from None
        unknown = {p for rule in policy.rule for p in rule.purpose} - set(policy.purposes)
        if unknown:
            raise BadInput(
                f"the access policy names undefined purposes: {', '.join(sorted(unknown))}",
                f"one of {', '.join(sorted(policy.purposes))}",
                "define them under [purposes]",
            )
        return policy

    def allows(
        self, role: str, purpose: str, action: Action, relations: Collection[Relation]
    ) -> bool:
        """Whether a rule allows `action` to someone bound to the patient by `relations`."""
        bonds = {*relations, "any"}
        return any(
            rule.role == role
            and purpose in rule.purpose
            and action in rule.action
            and bonds & rule.relation
            for rule in self.rule
        )
