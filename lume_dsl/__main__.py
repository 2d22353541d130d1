"""``python -m lume_dsl``."""

from __future__ import annotations

from lume_dsl.cli import main

if __name__ == "__main__":
    main()
