"""Greeting as one would write it by hand: plain Prefect, a file, and a row by SQLAlchemy Core."""

from __future__ import annotations

import json
import sys
from typing import Any

import sqlalchemy as sa
from prefect import Flow, Parameter, task

metadata = sa.MetaData()
records = sa.Table(
    "records",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("inputs", sa.Text),
    sa.Column("outputs", sa.Text),
)


@task
def append_text(text1: str, text2: str) -> str:
    return text1 + text2


@task
def save_text(text: str, filename: str) -> str:
    with open(filename, "w", encoding="utf-8") as file:
        file.write(text)
    return filename


@task
def save_record(text: str, inputs: dict[str, Any]) -> None:
    engine = sa.create_engine("sqlite:///by_hand.db")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(records.insert().values(inputs=json.dumps(inputs), outputs=json.dumps({"text": text})))


with Flow("greeting") as flow:
    text1 = Parameter("text1")
    text2 = Parameter("text2", default=" you")
    filename = Parameter("filename", default="by_hand.txt")
    text = append_text(text1, text2)
    save_text(text, filename)
    save_record(text, {"text1": text1, "text2": text2, "filename": filename})

if __name__ == "__main__":
    state = flow.run(text1=sys.argv[1])
    sys.exit(0 if state is not None and state.is_successful() else 1)
