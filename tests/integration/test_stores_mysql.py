"""What is asked of MySQL and MariaDB, as text. ``make test-mariadb`` and ``make test-mysql`` ask servers."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateIndex, CreateTable

from lume_dsl.records.query import NumberBound, Prefilter
from lume_dsl.records.sql import SQLStore
from lume_dsl.records.sql_conditions import conditions
from lume_dsl.records.sql_schema import blobs, records

DIALECT = mysql.dialect()


def compiled(statement: sa.ClauseElement) -> str:
    return str(statement.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))


def test_texts_are_compared_by_their_code_points_and_may_be_large() -> None:
    table = compiled(CreateTable(records))
    assert "unique_hash VARCHAR(64) COLLATE utf8mb4_bin NOT NULL" in table
    assert "flow_name VARCHAR(255) COLLATE utf8mb4_bin NOT NULL" in table
    assert "outputs LONGTEXT COLLATE utf8mb4_bin NOT NULL" in table
    assert "UNIQUE (unique_hash)" in table
    assert "CHARSET=utf8mb4 ENGINE=InnoDB" in table
    assert "data LONGBLOB NOT NULL" in compiled(CreateTable(blobs))
    assert "PRIMARY KEY (`key`, piece)" in compiled(CreateTable(blobs))


def test_no_index_is_longer_than_innodb_takes() -> None:
    for index in records.indexes:
        assert compiled(CreateIndex(index))
        lengths = [getattr(column.type.dialect_impl(DIALECT), "length", None) or 1 for column in index.columns]
        assert sum(4 * length for length in lengths) <= 3072


def test_names_that_end_in_blanks_are_told_apart() -> None:
    (condition,) = conditions(Prefilter(equal={"flow_name": "a "}), "mysql")
    assert compiled(condition) == "lume_records.flow_name = 'a ' AND char_length(lume_records.flow_name) = 2"


def test_a_hint_on_numbers_is_passed_over() -> None:
    assert conditions(Prefilter(numbers=(NumberBound(("outputs", "n"), ">", 1),)), "mysql") == []


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"])
def test_a_url_opens_with_pymysql(scheme: str) -> None:
    store = SQLStore(f"{scheme}://me@h/x")
    assert store._engine.dialect.driver == "pymysql"
    assert store._dialect in ("mysql", "mariadb")
    store.close()
