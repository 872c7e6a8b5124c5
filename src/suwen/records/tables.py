"""The tables of the record store (SQLAlchemy Core), the same on SQLite and PostgreSQL.

Nothing that came from outside stands here in the clear except a resource's type and its dates:
ids are the store's own, codes and identifiers are keyed hashes, content is AES-256-GCM.
Times are ISO 8601 text in UTC, so that they sort and compare alike on both databases.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

keyring = Table(
    "keyring",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("master", String(16), nullable=False),
    Column("created", String(32), nullable=False),
)
"""One row: the root secret wrapped by the master key, and the fingerprint of that master key."""

patient = Table(
    "patient",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created", String(32), nullable=False),
)

data_key = Table(
    "data_key",
    metadata,
    Column("patient", String(32), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("wrapped", LargeBinary),
    Column("created", String(32), nullable=False),
    Column("destroyed", String(32)),
    PrimaryKeyConstraint("patient", "generation"),
)
"""Data keys wrapped by the master key; `wrapped` is null once the key was destroyed."""

patient_identifier = Table(
    "patient_identifier",
    metadata,
    Column("value", String(32), primary_key=True),
    Column("patient", String(32), nullable=False, index=True),
)
"""Keyed hash of (system, value) to patient."""

record = Table(
    "record",
    metadata,
    Column("id", String(32), nullable=False),
    Column("type", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("patient", String(32), nullable=False),
    Column("at", String(32), nullable=False),
    Column("position", Integer, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("date_low", String(32)),
    Column("date_high", String(32)),
    Column("digest", String(32), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id", "type", "version"),
    Index("ix_record_patient", "patient", "type", "date_low"),
)
"""One row a version. `position` is the place within its put; `digest` a keyed hash."""

token = Table(
    "token",
    metadata,
    Column("value", String(32), nullable=False),
    Column("qualified", String(32), nullable=False),
    Column("kind", String(1), nullable=False),
    Column("patient", String(32), nullable=False),
    Column("type", String(64), nullable=False),
    Column("id", String(32), nullable=False),
    Index("ix_token_patient", "patient", "value"),
    Index("ix_token_id", "id"),
)
"""Codes (kind c) and identifiers (kind i) of current versions: keyed hashes, bare and qualified.

Every search names patients. By value first, each code of a put would touch a page of its own: half
of all that a bundle writes.
"""

blob = Table(
    "blob",
    metadata,
    Column("patient", String(32), nullable=False),
    Column("address", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("created", String(32), nullable=False),
    PrimaryKeyConstraint("patient", "address"),
)
"""`address` is a keyed hash of the SHA-256; `name` the file's name on disk."""

person = Table(
    "person",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", LargeBinary, nullable=False),
    Column("role", String(32), nullable=False),
    Column("language", String(8), nullable=False),
    Column("patient", String(32)),
    Column("credential", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created", String(32), nullable=False),
)
"""Who may sign in. The name is sealed, for a patient's name is patient content."""

care_team = Table(
    "care_team",
    metadata,
    Column("patient", String(32), nullable=False),
    Column("person", String(64), nullable=False, index=True),
    Column("since", String(32), nullable=False),
    PrimaryKeyConstraint("patient", "person"),
)

break_glass = Table(
    "break_glass",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("patient", String(32), nullable=False),
    Column("person", String(64), nullable=False, index=True),
    Column("at", String(32), nullable=False),
    Column("until", String(32), nullable=False),
    Column("remark", String(32), nullable=False),
    Column("resolved_by", String(64)),
    Column("resolved_at", String(32)),
    Column("outcome", String(16)),
)

remark = Table(
    "remark",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("patient", String(32), nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""What a person wrote as a reason: sealed, named by id and keyed digest in the decision log."""

decision = Table(
    "decision",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("person", String(64), nullable=False),
    Column("act", String(32), nullable=False),
    Column("patient", String(32), nullable=False, index=True),
    Column("subject", String(160), nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("key", String(160)),
    Index("uq_decision_key", "key", unique=True),
)
"""The decision log. Triggers of the first migration refuse UPDATE and DELETE."""

log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("entries", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("seal", String(64), nullable=False),
)
"""One row: how many entries the log has, the last hash, and their HMAC."""

device = Table(
    "device",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("patient", String(32), nullable=False, index=True),
    Column("token", String(64), nullable=False),
    Column("created", String(32), nullable=False),
    Column("seen", String(32)),
    Column("revoked", String(32)),
)
"""Who may send, and whose readings they are. `token` is a keyed hash."""

stream_channel = Table(
    "stream_channel",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("patient", String(32), nullable=False, index=True),
    Column("code", String(32), nullable=False),
    Column("latest", BigInteger, nullable=False),
    Column("head", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("small", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""What is measured by which device. `number` is a keyed hash of patient, code, unit and device;
`code` one of the code alone. Times are microseconds since 1970-01-01 UTC: of the newest reading,
of the first one in its chunk (`head`), and of the last receipt. `small`: chunks not merged yet."""

stream_chunk = Table(
    "stream_chunk",
    metadata,
    Column("channel", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("outline", LargeBinary),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("channel", "first"),
)
"""Readings of a channel from `first` to `last`; chunks of a channel never overlap. `step` is 0 for
readings as they came, else the microseconds that each mean of thinned ones stands for. `outline`
holds the lowest and highest of each part (of each mean's time), sealed as the content is."""

stream_refused = Table(
    "stream_refused",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("device", String(64), nullable=False),
    Column("patient", String(32), nullable=False, index=True),
    Column("at", String(32), nullable=False, index=True),
    Column("state", String(32), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""What devices sent that could not be stored, sealed: with the patient's key where the device is
known, else with the store's own (patient empty)."""

stream_tally = Table(
    "stream_tally",
    metadata,
    Column("device", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("state", String(32), nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("device", "day", "state"),
)
"""How much of what a device sent on a day was set aside, by state."""
