"""The schema the migrations make is the schema the code speaks of, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from suwen.core.errors import StorageUnavailable
from suwen.core.settings import Settings
from suwen.records import Store
from suwen.records.database import HEAD, Database
from suwen.records.tables import metadata


def test_the_migrated_schema_is_the_one_of_the_tables(clinic):
    with clinic.store.database.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    assert [d for d in found if "alembic_version" not in str(d)] == []


def test_the_newest_migration_is_the_one_the_code_waits_for():
    config = Config()
    config.set_main_option("script_location", "suwen.records:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


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
