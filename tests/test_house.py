"""docs/architecture.md is what the code says; `python -m tests.support.house` renews it."""

from __future__ import annotations

from tests.support.house import DOCUMENT, renewed


def test_the_architecture_document_is_up_to_date() -> None:
    document = DOCUMENT.read_text("utf-8")
    assert document == renewed(document), "python -m tests.support.house renews it"
