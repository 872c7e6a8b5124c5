"""The settings table: every `SUWEN_*` variable, its default and its help, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from suwen.core.errors import BadInput


class Settings(BaseSettings):
    """Settings read from the environment (`SUWEN_HOME`, `SUWEN_DATA`, ...)."""

    model_config = SettingsConfigDict(env_prefix="SUWEN_", extra="ignore", frozen=True)

    home: Path = Field(
        Path.home() / ".suwen", description="Folder of the database, blobs, keys and run folders."
    )
    data: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders searched for data sets, separated by ':'."
    )
    packs: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Extra folders searched for packs before the shipped ones, separated by ':'.",
    )
    database_url: str = Field(
        "", description="SQLAlchemy URL of the record store; empty: SQLite in SUWEN_HOME."
    )
    master_key: str = Field(
        "",
        description="Where the master key comes from: empty: a 0600 file in SUWEN_HOME; "
        "'env:NAME': base64 in that variable; 'command:...': base64 printed by it (KMS).",
    )
    language: Literal["en", "zh"] = Field("en", description="Language of reports and pages.")
    threads: int = Field(2, ge=1, le=256, description="Threads of one inference session.")
    search: bool = Field(
        True,
        description="Search whole chest CTs for nodules in every diagnosis: half a minute a CT and "
        "a second or two for each mark. Without it the search answers when it is asked alone.",
    )
    max_upload_mb: int = Field(2048, ge=1, description="Largest single file read, in MiB.")
    host: str = Field("127.0.0.1", description="Address the workbench listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port the workbench listens on.")
    session_minutes: int = Field(30, ge=1, description="Idle minutes until a page session ends.")
    llm_url: str = Field(
        "",
        description="Address of an OpenAI-compatible server (https://host/v1) that may rewrite "
        "summaries of notes; their text is sent there. Empty: none, nothing is sent.",
    )
    llm_model: str = Field("", description="Name of the model asked of that server.")
    llm_key: SecretStr = Field(
        SecretStr(""), description="Key sent to that server, if it needs one."
    )
    llm_seconds: float = Field(60.0, gt=0, le=600, description="Seconds that server may take.")
    mqtt_url: SecretStr = Field(
        SecretStr(""),
        description="MQTT broker whose readings `suwen gateway` stores: mqtt://USER:PASSWORD@HOST "
        "or mqtts:// (TLS). Empty: none.",
    )
    mqtt_topic: str = Field(
        "suwen/v1", description="Topic under which devices send: TOPIC/DEVICE/readings."
    )
    stream_batch: int = Field(
        1000, ge=1, le=10_000, description="Messages of devices stored in one commit at most."
    )
    stream_batch_ms: int = Field(
        50, ge=1, le=10_000, description="Milliseconds a message waits for others at most."
    )
    stream_ahead_s: int = Field(
        120,
        ge=0,
        description="Seconds a reading's time may lie ahead of now; later ones are set aside.",
    )
    stream_behind_days: int = Field(
        366,
        ge=1,
        description="Days a device's reading may lie behind now; older ones are set aside.",
    )
    stream_raw_days: int = Field(
        0,
        ge=0,
        description="Days readings are kept as they came; older ones become the mean, lowest and "
        "highest of a minute. 0: kept for ever.",
    )
    stream_minute_days: int = Field(
        0, ge=0, description="Days minutes are kept; older ones become hours. 0: kept for ever."
    )
    stream_refused_days: int = Field(
        0, ge=0, description="Days what was set aside is kept sealed. 0: kept for ever."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="Lowest level written to standard error."
    )

    @field_validator("data", "packs", mode="before")
    @classmethod
    def _folders(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part).expanduser() for part in value.split(":") if part)
        return value

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the record store."""
        return self.database_url or f"sqlite:///{self.home / 'suwen.sqlite'}"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process, read once from the environment.

    Raises
    ------
    BadInput
        A variable has a value that its setting does not take; values, which may be secret, are not
        repeated.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = f"SUWEN_{first['loc'][0]}".upper() if first["loc"] else "a SUWEN_* variable"
        raise BadInput(
            f"{name} cannot be used: {first['msg'][:1].lower()}{first['msg'][1:]}",
            "a value of its kind",
            "correct it in the environment; `suwen settings` explains each once it is unset",
        ) from None


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the `SUWEN_*` variables that are no setting, with the setting most like each."""
    known = [f"SUWEN_{name}".upper() for name in Settings.model_fields]
    strange = [each for each in environment if each.startswith("SUWEN_") and each not in known]
    return {each: next(iter(get_close_matches(each, known, 1)), "") for each in sorted(strange)}
