"""The schema of an empty database, made at once: what the migrations would make one by one.

Alembic is the larger part of the time in which a new store opens, so it is left to the stores that
have something to migrate. A test holds both ways to the same schema, object by object.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect

from suwen.records.alert_tables import metadata

HEAD = "0005"
"""Newest migration; a database that stands there needs no Alembic at opening."""

version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where Alembic keeps the newest migration that was run."""

_APPEND_ONLY = {
    "sqlite": (
        """
CREATE TRIGGER decision_no_UPDATE BEFORE UPDATE ON decision
BEGIN SELECT RAISE(ABORT, 'the decision log is append-only'); END
""",
        """
CREATE TRIGGER decision_no_DELETE BEFORE DELETE ON decision
BEGIN SELECT RAISE(ABORT, 'the decision log is append-only'); END
""",
    ),
    "postgresql": (
        """
CREATE FUNCTION decision_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the decision log is append-only'; END $$
""",
        """
CREATE TRIGGER decision_append_only BEFORE UPDATE OR DELETE ON decision
FOR EACH ROW EXECUTE FUNCTION decision_append_only()
""",
        """
CREATE TRIGGER decision_no_truncate BEFORE TRUNCATE ON decision
FOR EACH STATEMENT EXECUTE FUNCTION decision_append_only()
""",
    ),
}


def is_empty(connection: Connection) -> bool:
    """Whether the database holds no table at all."""
    return not inspect(connection).get_table_names()


def create(connection: Connection) -> None:
    """Create every table, index and trigger of the newest version in an empty database."""
    metadata.create_all(connection, checkfirst=False)
    for statement in _APPEND_ONLY[connection.dialect.name]:
        connection.exec_driver_sql(statement)
    version.create(connection, checkfirst=False)
    connection.execute(version.insert().values(version_num=HEAD))
