"""The schema the migrations make is the schema the code speaks of, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from suwen.core.errors import BadInput, StorageUnavailable
from suwen.core.settings import Settings
from suwen.records import Store, schema
from suwen.records.database import Database, insert_many, upgrade
from suwen.records.tables import metadata, token

PAGE = 4096 + 24
"""Bytes that SQLite's journal takes for a page."""
SQLITE_OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_master"
POSTGRES_OBJECTS = (
    "SELECT table_name, column_name, ordinal_position, data_type, character_maximum_length, "
    "is_nullable, column_default FROM information_schema.columns "
    "WHERE table_schema = current_schema()",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = current_schema()::regnamespace",
    "SELECT tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid "
    "WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace",
    "SELECT proname, pg_get_functiondef(oid) FROM pg_proc "
    "WHERE pronamespace = current_schema()::regnamespace",
)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("a server of ours", "is no URL"),
        ("oracle://scott:tiger@host/clinic", "names oracle"),
        ("mysql+nothing://scott:tiger@host/clinic", "names mysql"),
    ],
)
def test_another_database_is_refused_without_showing_the_password(url, said):
    with pytest.raises(BadInput, match=said) as error:
        Database(url)
    assert "postgresql://" in str(error.value)
    assert "tiger" not in str(error.value)


def test_a_database_server_that_does_not_answer_is_said_so():
    nobody = Database("postgresql://nobody@127.0.0.1:1/clinic")
    with pytest.raises(StorageUnavailable, match="does not answer") as error:
        nobody.migrate()
    assert "host, port, user" in error.value.todo


def test_a_store_that_a_newer_release_has_used_stays_as_it_is(clinic):
    with clinic.store.database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageUnavailable, match="schema '9999'") as error:
        Store.open(clinic.settings)
    assert "newer release" in error.value.todo
    with clinic.store.database.transaction() as connection:
        assert (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
        )


def objects_in(connection) -> list[tuple[object, ...]]:
    """Every object of a database as the database itself describes it."""
    sqlite = connection.dialect.name == "sqlite"
    found = [
        tuple(" ".join(str(value).split()) for value in row)
        for query in ((SQLITE_OBJECTS,) if sqlite else POSTGRES_OBJECTS)
        for row in connection.execute(text(query))
    ]
    return sorted([*found, *connection.execute(text("SELECT version_num FROM alembic_version"))])


def made_by(database: Database, make) -> tuple[list[tuple[object, ...]], list[object]]:
    """The objects `make` leaves in an empty database, and how they differ from the tables.

    The database is empty again afterwards.
    """
    with suppress(ZeroDivisionError), database.transaction() as connection:
        assert schema.is_empty(connection)
        make(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        found = objects_in(connection)
        raise ZeroDivisionError
    return found, [d for d in differences if "alembic_version" not in str(d)]


def test_a_new_store_and_a_migrated_one_have_the_same_schema(tmp_path, url):
    database = Database(url or f"sqlite:///{tmp_path / 'empty.sqlite'}")
    at_once, one_difference = made_by(database, schema.create)
    by_migrations, other_difference = made_by(database, upgrade)
    database.close()
    assert one_difference == other_difference == []
    assert len([row for row in at_once if "append-only" in str(row)]) >= 1
    assert at_once == by_migrations


def test_a_store_of_an_older_schema_is_migrated(tmp_path, url, monkeypatch):
    settings = Settings(home=tmp_path / "home", database_url=url)
    Store.open(settings).close()
    seen = []
    monkeypatch.setattr(schema, "HEAD", "the next one")
    monkeypatch.setattr("suwen.records.database.upgrade", seen.append)
    Store.open(settings).close()
    assert len(seen) == 1


def test_the_newest_migration_is_the_one_the_code_waits_for():
    config = Config()
    config.set_main_option("script_location", "suwen.records:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_opening_an_up_to_date_store_changes_nothing(clinic):
    before = clinic.store.log.head()
    with Store.open(clinic.settings) as again:
        assert again.log.head() == before


def test_two_openings_at_once_make_one_store(tmp_path, url):
    settings = Settings(home=tmp_path / "home", database_url=url)
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: Store.open(settings), range(4)))
    assert len({store.secrets.hashed("x") for store in stores}) == 1
    for store in stores:
        store.close()


def test_sqlite_runs_in_wal_mode_and_waits_for_the_disk(sqlite_clinic):
    with sqlite_clinic.store.database.transaction() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "secure_delete")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}


def test_a_database_that_cannot_be_reached_is_told_without_its_password(tmp_path):
    url = "postgresql://suwen:geheim@/x?host=/nonexistent"
    with pytest.raises(StorageUnavailable) as caught:
        Store.open(Settings(home=tmp_path, database_url=url))
    assert "geheim" not in repr(caught.value)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "suwen.sqlite").write_bytes(b"no database at all, but long enough" * 9)
    with pytest.raises(StorageUnavailable):
        Store.open(Settings(home=tmp_path))


def test_a_transaction_that_fails_leaves_nothing(clinic):
    database: Database = clinic.store.database

    def half() -> None:
        with database.transaction() as connection:
            connection.execute(metadata.tables["patient"].insert().values(id="x", created="y"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert clinic.store.counts()["patients"] == 0


def tokens_of(patient: int) -> list[dict[str, str]]:
    """Rows as a put of one patient with sixty codes makes them: everything in them is a hash."""

    def hashed(*parts: object) -> str:
        return sha256(repr(parts).encode()).hexdigest()[:32]

    own = hashed(patient)[:16]
    return [
        {
            "value": hashed("code", code),
            "qualified": hashed("system", code),
            "kind": "c",
            "patient": hashed(patient),
            "type": "Observation",
            "id": own + hashed(patient, code)[:16],
        }
        for code in range(60)
    ]


def test_the_codes_of_one_patient_lie_together_so_that_a_put_writes_few_pages(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite'}")
    with database.transaction() as connection:
        schema.create(connection)
        insert_many(connection, token, [row for n in range(150) for row in tokens_of(n)])
    journal = tmp_path / "store.sqlite-wal"
    before = journal.stat().st_size
    with database.transaction() as connection:
        insert_many(connection, token, tokens_of(1000))
    pages = (journal.stat().st_size - before) // PAGE
    database.close()
    assert 0 < pages < 20  # by code first it would be one page a code
