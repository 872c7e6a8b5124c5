"""One engine for SQLite or PostgreSQL, its transactions, its errors and its migrations.

SQLite runs in WAL mode with `synchronous=FULL` and takes the write lock when a transaction begins
(`BEGIN IMMEDIATE`), so two writers queue instead of failing half-way. Errors of the database reach
the caller as Suwen errors without the statement or its parameters.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    CursorResult,
    Dialect,
    Executable,
    Table,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import IntegrityError as DuplicateError

from suwen.core.errors import BadInput, Conflict, StorageUnavailable
from suwen.records import schema

BACKENDS = ("sqlite", "postgresql")
BUSY_SECONDS = 30
CHECKPOINTS, CHECKPOINT_PAUSE = 20, 0.1
CHECKPOINT_PAGES = 4000
"""Length of SQLite's journal (16 MB) that moves it into the database: a page of an index that many
bundles touch is moved once, not with every few of them."""
PREPARATION_LOCK = 7_235_114
"""Number of PostgreSQL's advisory lock held while a store is prepared."""


class Database:
    """An engine and its transactions, safe to share between threads.

    Parameters
    ----------
    url
        SQLAlchemy URL; `sqlite:///PATH` or `postgresql://...` (driven by psycopg).

    Raises
    ------
    BadInput
        It is no URL of one of the two.
    StorageUnavailable
        The database cannot be reached or opened.
    """

    def __init__(self, url: str) -> None:
        parsed = _url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        options = {"connect_args": {"timeout": BUSY_SECONDS}} if self.sqlite else {}
        self._engine = create_engine(
            parsed, hide_parameters=True, pool_size=8, max_overflow=32, **options
        )
        # SQLite's busy handler is not fair: threads of one process queue here instead.
        self._queue = threading.Lock() if self.sqlite else nullcontext()
        if self.sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_immediate)

    @contextmanager
    def transaction(self, *, reading: bool = False) -> Iterator[Connection]:
        """Yield a connection inside one transaction: all of it is committed, or none.

        A `reading` transaction writes nothing and waits for no writer.

        Raises
        ------
        StorageUnavailable
            Disk full, database unreachable or locked for too long.
        Conflict
            Another writer took the same place first.
        """
        try:
            with nullcontext() if reading else self._queue, self._engine.connect() as connection:
                connection.execution_options(suwen_reading=reading)
                with connection.begin():
                    yield connection
        except DuplicateError:
            raise Conflict(
                "another writer wrote the same place first", "one writer at a time", "try again"
            ) from None
        except DBAPIError as error:
            raise _storage_error(error) from None
        except SQLAlchemyError as error:
            raise StorageUnavailable(
                f"the database could not be used ({type(error).__name__})",
                "a reachable database",
                "check SUWEN_DATABASE_URL and run `suwen doctor`",
            ) from None

    def migrate(self) -> None:
        """Bring the schema to the newest version, once, however many processes open it."""
        with self.transaction() as connection:
            self.alone(connection)
            if schema.is_empty(connection):
                schema.create(connection)
            elif _version(connection) != schema.HEAD:
                upgrade(connection)

    def alone(self, connection: Connection) -> None:
        """Wait until no other process prepares this store; held to the transaction's end.

        SQLite's transactions are alone from their beginning.
        """
        if not self.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": PREPARATION_LOCK})

    def scrub(self, tables: tuple[str, ...]) -> None:
        """Remove what overwritten rows of small `tables` left in the database's own files.

        SQLite overwrites what is deleted (`secure_delete`); its journal is emptied here, unless
        readers keep it in use: then at a later checkpoint.
        """
        try:
            if self.sqlite:
                with self._queue, closing(self._engine.raw_connection()) as raw:
                    for _ in range(CHECKPOINTS):
                        cursor = raw.cursor()
                        busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                        cursor.close()
                        if not busy:
                            return
                        time.sleep(CHECKPOINT_PAUSE)
                return
            with self._engine.connect() as connection:
                free = connection.execution_options(isolation_level="AUTOCOMMIT")
                for table in tables:
                    free.exec_driver_sql(f"VACUUM (FULL) {table}")
        except DBAPIError as error:
            raise _storage_error(error) from None

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


class Prepared:
    """A statement of the hot path, compiled once a dialect (execution: 60 us instead of 180).

    Its rows are the driver's own: a Boolean is 0 or 1 on SQLite.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._texts: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {}

    def __call__(self, connection: Connection, **values: Any) -> CursorResult[Any]:
        """Execute with the values of its `bindparam`s."""
        text, order, fixed = self._compiled(connection.dialect)
        named = fixed | values
        return connection.exec_driver_sql(
            text, tuple(named[name] for name in order) if order else named or None
        )

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once a row of values."""
        if not rows:
            return
        text, order, fixed = self._compiled(connection.dialect)
        named = [fixed | dict(row) for row in rows]
        values = [tuple(row[name] for name in order) for row in named] if order else named
        connection.exec_driver_sql(text, values)

    def _compiled(self, dialect: Dialect) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        if (known := self._texts.get(dialect.name)) is None:
            compiled = self._statement.compile(dialect=dialect)  # type: ignore[attr-defined]
            known = str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params)
            self._texts[dialect.name] = known
        return known


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that name every column, past what SQLAlchemy does for each row (4 us of 6)."""
    if rows:
        statement, names = _insertion(connection.dialect, table)
        values = [*map(itemgetter(*names), rows)] if names else [*rows]
        connection.exec_driver_sql(statement, values)


@lru_cache(maxsize=64)
def _insertion(dialect: Dialect, table: Table) -> tuple[str, tuple[str, ...]]:
    """Return the statement, and the order of its values where the driver wants them in order."""
    compiled = table.insert().compile(dialect=dialect, column_keys=list(table.columns.keys()))
    return str(compiled), tuple(compiled.positiontup or ())


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "secure_delete=ON",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        "cache_size=-65536",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Connection) -> None:
    reading = connection.get_execution_options().get("suwen_reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _storage_error(error: DBAPIError) -> StorageUnavailable:
    cause = type(error.orig).__name__ if error.orig is not None else type(error).__name__
    reason = str(error.orig).lower()
    if "full" in reason or "i/o" in reason or "no space" in reason or "too large" in reason:
        got = "the disk of the database is full or failing"
        todo = "free space on the disk that holds the database, then try again"
    elif "locked" in reason or "busy" in reason or "timeout" in reason:
        got = f"the database stayed locked for {BUSY_SECONDS} s"
        todo = "find the program that holds it, then try again"
    elif "readonly" in reason or "read-only" in reason:
        got = "the database is read-only"
        todo = "give this user the right to write the database file and its folder"
    elif "connect" in reason or "authentication" in reason:
        got = "the database server does not answer, or not to this user"
        todo = "start it, or correct host, port, user and password in SUWEN_DATABASE_URL"
    else:
        got = f"the database refused the work ({cause})"
        todo = "check SUWEN_DATABASE_URL and run `suwen doctor`"
    return StorageUnavailable(f"{got}; nothing was written", "a database that can be written", todo)


def _url(url: str) -> URL:
    """Return a URL of SQLite or PostgreSQL; no part of it, which may hold a password, is shown."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() in BACKENDS:
            return parsed
        got = f"SUWEN_DATABASE_URL names {parsed.get_backend_name()}"
    except ArgumentError:
        got = "SUWEN_DATABASE_URL is no URL"
    raise BadInput(
        got,
        "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE",
        "correct it, or unset it for SQLite in SUWEN_HOME",
    )


def _version(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())


def upgrade(connection: Connection) -> None:
    """Run the migrations that a database has not seen.

    Raises
    ------
    StorageUnavailable
        The database was brought to a schema by a release that is newer than this one.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise StorageUnavailable(
            f"the store has schema {_version(connection)!r}, which this release does not know",
            f"schema {schema.HEAD!r} or an older one",
            "a newer release has used this store: install that one, or restore the backup that was "
            "made before it",
        ) from None
