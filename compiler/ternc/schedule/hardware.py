"""The hardware of a reloadable build, and other networks on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ternc import passes
from ternc.errors import BuildError, DataError, ScheduleError
from ternc.network import store as network_store
from ternc.network.layers import Network
from ternc.schedule import store
from ternc.schedule.design import Design
from ternc.schedule.draft import Draft
from ternc.schedule.packet import Image, read_image
from ternc.schedule.reload import onto, room_for
from ternc.schedule.store import StoredDesign
from ternc.version import __version__


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hardware:
    """What there is on the device.

    Attributes:
        build: The directory.
        design: Its design; image: that of its network.
    """

    build: Path
    design: StoredDesign
    image: Image

    @staticmethod
    def of(build: Path) -> Hardware:
        """The hardware of a build.

        Raises:
            BuildError: It cannot be read.
            ScheduleError: It is not reloadable.
        """
        design = store.load(build)
        if not design.reloadable:
            raise ScheduleError(
                f"{build}: its hardware cannot be reloaded, its memories have no load port",
                help="compile that model with --reloadable first",
            )
        path = build / image_path(design.name)
        try:
            return Hardware(build=build, design=design, image=read_image(path.read_bytes(), str(path)))
        except (OSError, DataError) as error:
            raise BuildError(f"{path}: cannot be read, so it is not known which hardware this is") from error

    def put(self, network: Network) -> tuple[Network, Draft]:
        """The form of a network that fits, and its schedule.

        Raises:
            BuildError: The build's own network cannot be read.
            ScheduleError: None fits; it is that of the first.
        """
        engines = [(len(engine.layers), engine.shape) for engine in self.design.engines]
        room, refused = room_for(network_store.load(self.build / "model"), engines), []
        for form in passes.forms(network, passes.KEEPING_SHAPE):
            try:
                return form, onto(form, room)
            except ScheduleError as error:
                refused.append(error)
        raise refused[0]

    def named(self, design: Design) -> Design:
        """A design that is put here, whose modules and ports have the names that they have here."""
        inputs, outputs = (
            tuple(replace(port, name=known.name) for port, known in zip(ports, there, strict=True))
            for ports, there in ((design.inputs, self.design.inputs), (design.outputs, self.design.outputs))
        )
        return replace(design, name=self.design.name, inputs=inputs, outputs=outputs)

    def require_same(self, image: bytes) -> None:
        """BuildError if an image is for other hardware."""
        if read_image(image, "the image").structure != self.image.structure:
            raise BuildError(
                f"{self.build}: this version of ternc ({__version__}) makes other hardware of that model "
                "than the build has",
                help="compile that model again with --reloadable and synthesise it, or use the version that made it",
            )


def image_path(name: str) -> str:
    """Where below the build directory the image of a reloadable design lies."""
    return f"reload/{name}.bin"
