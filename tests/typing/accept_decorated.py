"""What pyright and ty see of a decorated class, and mypy does not: it takes no notice of what decorates a class."""

from __future__ import annotations

from typing_extensions import assert_type

from lume_dsl import LumeFlow, parameter, resource_manager, task


@resource_manager
class Camera:
    def __init__(self, device: str, exposure: float = 1.0) -> None:
        self.device = device

    def setup(self) -> list[float]:
        return []

    def cleanup(self, image: list[float]) -> None: ...


@resource_manager(name="lamp")
class Lamp:
    def setup(self) -> int:
        return 1

    def cleanup(self, number: int) -> None: ...


@task
def look(image: list[float], text: str) -> int:
    return len(image)


class Holding(LumeFlow):
    device: str = parameter(default="a")

    with Camera(device, exposure=2.0) as camera, Lamp() as lamp:
        assert_type(camera, list[float])
        assert_type(lamp, int)
        seen = look(camera, device)
        look(lamp, device)  # pyright: ignore[reportArgumentType]  # ty: ignore[invalid-argument-type]
    with Camera(3) as wrong:  # pyright: ignore[reportArgumentType]  # ty: ignore[invalid-argument-type]
        pass


assert_type(Holding().run().camera, list[float])
with Camera.run("a") as held:
    assert_type(held, list[float])
