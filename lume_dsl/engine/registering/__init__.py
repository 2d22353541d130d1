"""Registering flows with a Prefect server: what may be, under which key, with which run config, and by which calls."""

from __future__ import annotations

from lume_dsl.engine.registering.registration import Registered, Registration, register, register_all

__all__ = ["Registered", "Registration", "register", "register_all"]
