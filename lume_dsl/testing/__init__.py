"""What the tests of an extension of lume_dsl inherit. It needs pytest, and knows nothing of lume_dsl's own tests."""

from __future__ import annotations

from lume_dsl.testing.filesystems import FilesystemContract
from lume_dsl.testing.queries import QueryContract
from lume_dsl.testing.run_stores import RunStoreContract
from lume_dsl.testing.stores import StoreContract

__all__ = ["FilesystemContract", "QueryContract", "RunStoreContract", "StoreContract"]
